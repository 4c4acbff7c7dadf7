import numpy as np
import pytest
import torch

from adhd_cvae.config import ModelConfig
from adhd_cvae.models.network import ContrastiveVAE, Posterior, empty_model

SHAPE = (16, 16, 16)
CONFIG = ModelConfig(salient=2, background=3, patch=4, patch_features=2, channels=(2, 4), hidden=5)
BOTH = pytest.mark.parametrize("trunk", ["patches", "convolutions"])


def model(config=CONFIG, voxels=300):
    torch.manual_seed(0)
    network = empty_model(config, SHAPE, np.random.default_rng(0).permutation(16**3)[:voxels])
    network.voxel_mean.uniform_(0.2, 0.8)
    network.voxel_scale.uniform_(0.05, 0.2)
    return network.eval()


def maps(count=4):
    return torch.rand(count, 1, *SHAPE, generator=torch.Generator().manual_seed(1))


def perturbed(network):
    """Every weight, so that nothing is zero just because it starts at zero."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network


@pytest.mark.parametrize("start", ["contrast", "random"])
def test_standardising_and_its_inverse_agree_inside_the_mask(start):
    network = model(CONFIG.model_copy(update={"start": start}))
    images = maps()
    inside = images.flatten(1)[:, network.mask_index]
    assert torch.allclose(network.gray_matter(network.standardise(images)), inside, atol=1e-6)
    volume = network.to_volume(inside)
    assert torch.equal(volume.flatten(1)[:, network.mask_index], inside)
    assert int((volume != 0).sum()) == int((inside != 0).sum())


@BOTH
def test_the_salient_code_is_zero_in_background_decoding(trunk):
    network = perturbed(model(CONFIG.model_copy(update={"trunk": trunk})))
    background = torch.randn(4, 3)
    twin = network.decode(background)
    assert torch.equal(twin, network.decode(background, torch.zeros(4, 2)))
    assert not torch.allclose(twin, network.decode(background, torch.ones(4, 2)))


@BOTH
@torch.no_grad()
def test_two_embeddings_of_one_image_are_equal_and_do_not_depend_on_company(trunk):
    network = perturbed(model(CONFIG.model_copy(update={"trunk": trunk})))
    voxels = network.standardise(maps())
    first, second = network.encode(voxels), network.encode(voxels)
    assert torch.equal(first.salient.mean, second.salient.mean)
    assert torch.equal(first.background.mean, second.background.mean)
    alone = network.encode(voxels[2:3])
    assert torch.allclose(alone.background.mean, first.background.mean[2:3], atol=1e-5)


def test_without_salient_units_it_is_a_plain_vae():
    network = model(CONFIG.model_copy(update={"salient": 0}))
    codes = network.encode(network.standardise(maps()))
    assert codes.salient.mean.shape == (4, 0)
    assert network.decode(codes.background.mean, codes.salient.mean).shape == (4, 300)


@BOTH
def test_a_random_start_decodes_the_mean_image(trunk):
    network = model(CONFIG.model_copy(update={"start": "random", "trunk": trunk}))
    assert not network.decode(torch.randn(2, 3), torch.randn(2, 2)).any()


@torch.no_grad()
def test_a_sigmoid_cannot_pass_one():
    network = perturbed(model(CONFIG.model_copy(update={"output": "sigmoid"})))
    decoded = network.decode(100 * torch.randn(2, 3))
    assert float(decoded.max()) <= 1
    assert float(decoded.min()) >= 0


def test_a_posterior_draws_from_its_gaussian():
    torch.manual_seed(0)
    posterior = Posterior(torch.full((20000, 1), 2.0), torch.full((20000, 1), np.log(9.0)))
    draws = posterior.sample()
    assert abs(float(draws.mean()) - 2) < 0.1
    assert abs(float(draws.std()) - 3) < 0.1


@pytest.mark.parametrize(
    ("trunk", "said"),
    [("patches", r"not divisible by model\.patch=4"), ("convolutions", "not divisible by 4")],
)
def test_a_grid_that_cannot_be_cut_is_refused(trunk, said):
    with pytest.raises(ValueError, match=said):
        ContrastiveVAE(CONFIG.model_copy(update={"trunk": trunk}), (16, 18, 16), 10)
    ContrastiveVAE(CONFIG.model_copy(update={"trunk": trunk, "correction": False}), (16, 18, 16), 10)


@BOTH
@torch.no_grad()
def test_a_decoder_takes_sites_beside_the_codes_and_the_average_where_none_is_given(trunk):
    config = CONFIG.model_copy(update={"trunk": trunk, "condition_on_site": True})
    mask = np.random.default_rng(0).permutation(16**3)[:300]
    network = perturbed(empty_model(config, SHAPE, mask, ["a", "b", "c"]).eval())
    codes = torch.randn(3, 3), torch.randn(3, 2)
    average = torch.full((3, 3), 1 / 3)
    assert torch.allclose(network.decode(*codes), network.decode(*codes, average), atol=1e-6)
    assert not torch.allclose(network.decode(*codes), network.decode(*codes, torch.eye(3)), atol=1e-2)
    without = empty_model(config, SHAPE, mask)
    off = model(CONFIG.model_copy(update={"trunk": trunk}))
    sizes = [{name: one.shape for name, one in network.named_parameters()} for network in (without, off)]
    assert sizes[0] == sizes[1]
