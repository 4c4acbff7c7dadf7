"""Weights and their settings on disk."""

import json

import pytest
import torch

from adhd_cvae.config import ImageConfig, ModelConfig
from adhd_cvae.errors import InputError
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.models.weights import finished_training, load_model, load_weights, save_model

SHAPE = (16, 16, 16)
IMAGE = ImageConfig(shape=SHAPE, voxel_size=12.0)
CONFIG = ModelConfig(salient=2, background=4, channels=(2, 4), hidden=4)


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    model = ContrastiveVAE(CONFIG, SHAPE, 50)
    save_model(model, IMAGE, tmp_path / "saved" / "cvae", "key", [{"epoch": 0}])
    return model, tmp_path / "saved" / "cvae"


def test_a_model_comes_back_as_it_was(saved):
    model, stem = saved
    loaded, image = load_model(stem)
    assert (loaded.config, image) == (CONFIG, IMAGE)
    assert not loaded.training
    filled = load_weights(ContrastiveVAE(CONFIG, SHAPE, 50), stem.with_suffix(".safetensors"))
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
        assert torch.equal(filled.state_dict()[name], value)


@torch.no_grad()
def test_a_model_of_version_0_1_has_convolutions_and_settings_that_came_later_at_their_defaults(tmp_path):
    torch.manual_seed(0)
    before = ContrastiveVAE(CONFIG.model_copy(update={"trunk": "convolutions"}), SHAPE, 50).eval()
    save_model(before, IMAGE, tmp_path / "cvae")
    content = json.loads((tmp_path / "cvae.json").read_text())
    first = ("salient", "background", "channels", "hidden", "start", "correction", "noise", "output")
    content["model"] = {name: content["model"][name] for name in first}
    del content["patches"]
    (tmp_path / "cvae.json").write_text(json.dumps(content))
    loaded, _ = load_model(tmp_path / "cvae")
    assert loaded.config == before.config
    voxels = torch.randn(2, 50)
    assert torch.equal(loaded.encode(voxels).background.mean, before.encode(voxels).background.mean)


def test_a_finished_training_is_known_by_its_key_and_whole_weights(saved):
    _, stem = saved
    assert finished_training(stem, "key") == [{"epoch": 0}]
    assert finished_training(stem.with_name("vae"), "key") is None
    with pytest.raises(InputError, match="other data or settings"):
        finished_training(stem, "another")
    stem.with_suffix(".safetensors").unlink()
    assert finished_training(stem, "key") is None


def test_damaged_weights_are_one_readable_line(saved):
    _, stem = saved
    weights, settings = stem.with_suffix(".safetensors"), stem.with_suffix(".json")
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        load_model(stem)
    weights.write_bytes(whole)
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"voxels": 3}))
    with pytest.raises(InputError, match="damaged or of another model"):
        load_model(stem)
    with pytest.raises(InputError, match="adhd-cvae train"):
        load_model(stem.with_name("absent"))


@torch.no_grad()
def test_the_sites_of_a_decoder_come_back_with_it(saved, tmp_path):
    config = CONFIG.model_copy(update={"condition_on_site": True})
    model = ContrastiveVAE(config, SHAPE, 50, sites=("a", "b")).eval()
    save_model(model, IMAGE, tmp_path / "cvae")
    loaded, _ = load_model(tmp_path / "cvae")
    assert loaded.sites == ("a", "b")
    codes, sites = torch.randn(2, 4), torch.eye(2)
    assert torch.equal(loaded.decode(codes, site=sites), model.decode(codes, site=sites))
    assert not torch.equal(loaded.decode(codes, site=sites), loaded.decode(codes))
    assert "sites" not in json.loads(saved[1].with_suffix(".json").read_text())
