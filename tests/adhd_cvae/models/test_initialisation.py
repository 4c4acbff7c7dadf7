"""A network before training: mask, standardisation, and the linear solution in its weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from adhd_cvae.config import ImageConfig, LinearConfig, ModelConfig
from adhd_cvae.errors import InputError
from adhd_cvae.inference.embedding import embed
from adhd_cvae.models.form_choice import BORROWED, START
from adhd_cvae.models.initialisation import initial_model, initial_models
from adhd_cvae.models.linear import fit_linear, fit_pca, principal_axes
from adhd_cvae.models.posterior import code_error
from adhd_cvae.models.ratio import Ratio
from adhd_cvae.models.reference_background import borrowed, fit_reference
from adhd_cvae.models.sites import site_columns

SHAPE = (8, 8, 8)
IMAGE = ImageConfig(shape=SHAPE)
CONFIG = ModelConfig(salient=2, background=4, patch=4, patch_features=2, hidden=4, correction=False)
IS_TARGET = np.arange(40) % 2 == 1
SITES = np.repeat(["a", "b"], 20)


@pytest.fixture(scope="module")
def maps():
    """Of which half the grid is empty, five directions are shared, and patients have a sixth."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(6, *SHAPE)) * 0.05
    weights = rng.normal(size=(40, 6))
    weights[:, 5] *= 2 * IS_TARGET
    values = 0.5 + np.tensordot(weights, directions, 1) + rng.normal(size=(40, *SHAPE)) * 0.02
    values[:, 4:] = 0
    return values.astype(np.float16)


def start(maps, config=CONFIG, image=IMAGE, seed=0, sites=None):
    return initial_model(config, image, maps, IS_TARGET, seed, sites)


def voxels_of(model, maps):
    return model.standardise(torch.from_numpy(maps.astype(np.float32))[:, None])


def test_the_mask_is_where_the_mean_map_exceeds_the_threshold(maps):
    model = start(maps)
    assert model.mask_index.tolist() == list(range(4 * 8 * 8))
    highest = maps.mean(axis=0, dtype=np.float32).reshape(-1)
    higher = start(maps, image=ImageConfig(shape=SHAPE, mask_threshold=0.5))
    assert higher.mask_index.tolist() == np.flatnonzero(highest > 0.5).tolist()


def test_a_mask_without_voxels_is_one_readable_line(maps):
    with pytest.raises(InputError, match=r"mask_threshold=0\.1 \(largest mean: 0\)"):
        start(np.zeros_like(maps))


def test_voxels_are_standardised_but_those_that_hardly_vary_are_not_blown_up(maps):
    still = maps.copy()
    still[:, 0, 0, :2] = 0.5
    model = start(still)
    voxels = voxels_of(model, still)
    assert torch.allclose(voxels.mean(dim=0), torch.zeros(model.voxels), atol=1e-4)
    assert not voxels[:, :2].any()
    spread = still.reshape(40, -1)[:, :256].astype(np.float32).std(axis=0)
    assert float(model.voxel_scale.min()) == pytest.approx(float(np.quantile(spread, 0.05)))
    assert np.isclose(model.voxel_scale.numpy(), spread).mean() > 0.9


def test_without_standardising_voxels_stay_as_they_are(maps):
    model = start(maps, image=ImageConfig(shape=SHAPE, standardise="none"))
    assert torch.equal(voxels_of(model, maps), torch.from_numpy(maps.reshape(40, -1)[:, :256]).float())


@pytest.mark.parametrize("sites", [None, SITES], ids=["one site", "sites"])
@pytest.mark.parametrize("method", ["contrast", "contrastive_pca", "pcpca", "pca"])
@torch.no_grad()
def test_a_linear_network_is_the_linear_fit(maps, method, sites):
    model = start(maps, CONFIG.model_copy(update={"start": method}), seed=3, sites=sites)
    voxels = voxels_of(model, maps)
    codes = model.encode(voxels)
    values = voxels.numpy()
    fitted = fit_linear(method, values, IS_TARGET, 2, 4, sites=sites, seed=3)
    np.testing.assert_allclose(codes.salient.mean, fitted.salient.embed(values), atol=1e-3)
    np.testing.assert_allclose(codes.background.mean, fitted.background.embed(values), atol=1e-3)
    rebuilt = fitted.background.origin + fitted.background.embed(values) @ fitted.background.decoder
    np.testing.assert_allclose(model.decode(codes.background.mean), rebuilt, atol=1e-3)
    rebuilt += fitted.salient.embed(values) @ fitted.salient.decoder
    np.testing.assert_allclose(model.decode(codes.background.mean, codes.salient.mean), rebuilt, atol=1e-3)


@torch.no_grad()
def test_independent_components_are_those_of_the_scores(maps):
    model = start(maps, CONFIG.model_copy(update={"start": "ica"}), seed=3)
    values = voxels_of(model, maps).numpy()
    scores, axes = principal_axes(values - values.mean(axis=0))
    fitted = fit_linear("ica", scores, IS_TARGET, 2, 4, seed=3)
    codes = model.encode(voxels_of(model, maps))
    np.testing.assert_allclose(codes.background.mean, fitted.background.embed(scores), atol=1e-2)
    np.testing.assert_allclose(scores @ axes, values - values.mean(axis=0), atol=1e-3)


@torch.no_grad()
def test_the_noise_starts_at_the_residual_variance_of_those_that_a_fit_has_not_seen(maps):
    linear = CONFIG.linear.model_copy(update={"background_folds": 0})
    model = start(maps, CONFIG.model_copy(update={"linear": linear}))
    voxels = voxels_of(model, maps).numpy()
    folds = {"folds": CONFIG.linear.error_folds, "seed": 0}
    error = code_error(
        lambda rows: fit_linear("contrast", voxels[rows], IS_TARGET[rows], 2, 4, seed=0),
        *(voxels, IS_TARGET),
        **folds,
    )
    assert float(model.log_noise.exp()) == pytest.approx(error.residual, rel=1e-2)
    codes = model.encode(voxels_of(model, maps))
    salient = codes.salient.mean * torch.from_numpy(IS_TARGET)[:, None]
    residual = voxels_of(model, maps) - model.decode(codes.background.mean, salient)
    assert error.residual > 1.1 * float(residual.square().mean())  # of those that were fitted
    least = CONFIG.model_copy(update={"linear": LinearConfig(least_noise=5.0)})
    assert float(start(maps, least).log_noise.exp()) == pytest.approx(5.0)
    assert float(start(maps, CONFIG.model_copy(update={"noise": "fixed"})).log_noise) == 0


@torch.no_grad()
def test_the_plain_vae_starts_from_pca(maps):
    model = start(maps, CONFIG.model_copy(update={"salient": 0}))
    voxels = voxels_of(model, maps)
    expected = fit_pca(voxels.numpy(), 4).embed(voxels.numpy())
    np.testing.assert_allclose(model.encode(voxels).background.mean, expected, atol=1e-3)


def test_a_random_start_follows_the_seed_and_has_no_linear_part(maps):
    config = CONFIG.model_copy(update={"start": "random", "correction": True})
    first, again, other = (dict(start(maps, config, seed=seed).named_parameters()) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)
    assert not [name for name in first if ".linear." in name]


@pytest.fixture(scope="module")
def unlike_sites(maps):
    """The same maps, a pattern added to those of site b, which has most of the patients; and who is one."""
    pattern = np.zeros(SHAPE)
    pattern[:4] = np.random.default_rng(1).normal(size=(4, 8, 8)) * 0.1
    is_target = np.arange(40) % 4 < np.where(np.arange(40) < 20, 1, 3)
    return (maps + (SITES == "b")[:, None, None, None] * pattern).astype(np.float16), is_target


CONDITIONED = CONFIG.model_copy(update={"condition_on_site": True})


@pytest.mark.parametrize("units", [2, 0], ids=["contrastive", "plain"])
@torch.no_grad()
def test_a_decoder_conditioned_on_sites_adds_what_they_differ_in_and_no_code_reads_it(unlike_sites, units):
    maps, is_target = unlike_sites
    configs = [one.model_copy(update={"salient": units}) for one in (CONFIG, CONDITIONED)]
    free, model = (initial_model(one, IMAGE, maps, is_target, 0, SITES) for one in configs)
    assert (free.sites, model.sites) == ((), ("a", "b"))
    codes = model.encode(voxels_of(model, maps)).background.mean
    at_a, at_b = (model.gray_matter(model.decode(codes, site=row.expand(40, -1))) for row in torch.eye(2))
    added = (at_b - at_a).numpy()
    assert np.ptp(added, axis=0).max() < 1e-5  # whatever the codes
    design = np.column_stack([is_target, SITES == "a", SITES == "b"]).astype(float)
    means = np.linalg.lstsq(design, maps.reshape(40, -1)[:, :256].astype(float), rcond=None)[0]
    np.testing.assert_allclose(added[0], means[2] - means[1], atol=1e-5)
    np.testing.assert_allclose(model.gray_matter(model.decode(codes)), (at_a + at_b) / 2, atol=1e-5)

    def moved(network):
        """How far what the sites differ in moves a code."""
        voxels = voxels_of(network, maps)
        parts = [network.encode(one) for one in (voxels, voxels + (at_b - at_a) / network.voxel_scale)]
        both = [torch.cat([one.salient.mean, one.background.mean], dim=1) for one in parts]
        return float((both[1] - both[0]).abs().max())

    assert moved(model) < 1e-3 < 0.3 < moved(free)


@torch.no_grad()
def test_with_its_sites_given_a_conditioned_start_decodes_no_less_than_a_free_one(unlike_sites):
    maps, is_target = unlike_sites
    left = []
    for config in (CONFIG, CONDITIONED):
        model = initial_model(config, IMAGE, maps, is_target, 0, SITES)
        voxels = voxels_of(model, maps)
        codes = model.encode(voxels)
        site = torch.from_numpy(site_columns(SITES, model.sites, 40))
        salient = codes.salient.mean * torch.from_numpy(is_target)[:, None]
        left.append(float((voxels - model.decode(codes.background.mean, salient, site)).square().mean()))
    assert left[1] < left[0]


def test_without_sites_there_is_nothing_to_condition_on(maps):
    plain, conditioned = (start(maps, config, sites=None) for config in (CONFIG, CONDITIONED))
    ours, theirs = conditioned.state_dict(), plain.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@torch.no_grad()
def test_a_network_may_start_with_what_healthy_participants_elsewhere_teach(maps):
    rng = np.random.default_rng(5)
    healthy = 0.5 + np.tensordot(
        rng.normal(size=(200, 5)), np.random.default_rng(0).normal(size=(6, *SHAPE))[:5] * 0.05, 1
    )
    values = (healthy + rng.normal(size=(200, *SHAPE)) * 0.02).reshape(200, -1)
    reference = fit_reference(values, columns=np.arange(250), most_axes=20)
    found = initial_models([CONFIG], IMAGE, maps, IS_TARGET, 0, None, reference)
    model = found.models[0].eval()
    assert model.mask_index.tolist() == list(range(250))  # what both have
    assert {form.name for form in found.forms} == {START, BORROWED}
    assert found.axes @ found.axes.T == pytest.approx(np.eye(len(found.axes)), abs=1e-4)
    voxels, method = voxels_of(model, maps).numpy(), found.forms[0].method
    if isinstance(method, Ratio) and method.reference is not None:
        own = model.voxel_mean.numpy(), model.voxel_scale.numpy()
        method = replace(method, reference=borrowed(reference, np.arange(250), *own))
    expected = fit_linear(method, voxels, IS_TARGET, CONFIG.salient, CONFIG.background).salient.embed(voxels)
    codes = embed(model, maps).salient_mean
    assert np.abs(np.corrcoef(codes.T, expected.T).diagonal(CONFIG.salient)) == pytest.approx(
        [1, 1], abs=1e-3
    )
