"""Files of ours cut short, with one bit flipped, or made to mislead; disks that are full: noticed, and said."""

import json
import os
import struct
from contextlib import contextmanager
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch

from adhd_cvae.config import ImageConfig, ModelConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images.cache import open_images, prepare_images
from adhd_cvae.inference.out_of_distribution import Reference, load_reference, save_reference
from adhd_cvae.io import write_json, write_tsv
from adhd_cvae.models.network import empty_model
from adhd_cvae.models.weights import finished_training, load_model, save_model
from adhd_cvae.training.checkpoint import load_state, save_state

resource = pytest.importorskip("resource", reason="limits of a process are a matter of POSIX systems")

SHAPE = (16, 16, 16)
IMAGE = ImageConfig(
    shape=SHAPE, voxel_size=12.0, fwhm=0.0, centre=(0, 0, 0), min_template_correlation=None, max_offset=None
)
TRIES = 40


@pytest.fixture
def model():
    config = ModelConfig(salient=2, background=4, patch=4, patch_features=2, hidden=4)
    return empty_model(config, SHAPE, np.arange(100))


@pytest.fixture
def state(model):
    return {"key": "k", "history": [{"loss": 1.0}], "model": model.state_dict()}


@pytest.fixture
def stem(model, tmp_path):
    save_model(model, IMAGE, tmp_path / "cvae", "k", [{"loss": 1.0}])
    return tmp_path / "cvae"


@pytest.fixture
def maps(tmp_path):
    paths = [tmp_path / f"{number}.nii" for number in range(3)]
    for number, path in enumerate(paths):
        values = np.random.default_rng(number).random((17, 17, 17)).astype(np.float32)
        nib.save(nib.Nifti1Image(values, np.diag([10.0, 10, 10, 1])), path)
    return paths


def silent(done, total):
    assert done <= total


def damaged(path: Path):
    """Give `path` with one bit flipped, and cut short, at random places; leave it whole."""
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(TRIES):
        content = bytearray(whole)
        content[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        yield
        path.write_bytes(whole[: rng.integers(len(whole))])
        yield
    path.write_bytes(whole)


@contextmanager
def full_disk():
    """Let no file grow beyond 2000 bytes, as on a disk with no room for more.

    Only around the code under test: pytest's own output may go to a longer file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_damaged_state_of_training_is_never_gone_on_from(state, tmp_path):
    path = tmp_path / "cvae-resume.pt"
    save_state(state, path)
    for _ in damaged(path):
        with pytest.raises(InputError, match=r"cvae-resume\.pt is damaged.*Delete it to train anew"):
            load_state(path, "k")
    again = load_state(path, "k")
    assert again is not None
    assert all(torch.equal(again["model"][name], tensor) for name, tensor in state["model"].items())


def test_damaged_weights_are_never_used(stem):
    for _ in damaged(stem.with_suffix(".safetensors")):
        with pytest.raises(InputError, match="damaged"):
            load_model(stem)
        assert finished_training(stem, "k") is None
    load_model(stem)
    assert finished_training(stem, "k") == [{"loss": 1.0}]


def test_damaged_settings_of_a_model_are_said_or_change_nothing(model, stem):
    for _ in damaged(stem.with_suffix(".json")):
        try:
            loaded, _ = load_model(stem)
        except InputError:
            continue
        tensors = loaded.state_dict()
        assert all(torch.equal(tensors[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    "header",
    [
        {"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}},
        {"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}},
        {"x": {"dtype": "O", "shape": [1], "data_offsets": [0, 4]}},
        {},
    ],
)
@pytest.mark.parametrize("length", [None, 2**62, 0])
def test_a_header_of_weights_that_lies_is_refused(stem, header, length):
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text) if length is None else length) + text + bytes(4 if header else 0)
    stem.with_suffix(".safetensors").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        load_model(stem)
    reference = stem.with_name("reference.safetensors")
    reference.write_bytes(content)
    with pytest.raises(InputError, match="missing or damaged"):
        load_reference(reference)


@pytest.mark.parametrize("change", [{"hidden": 2**40}, {"salient": 2**40}, {"patch_features": 2**40}])
def test_settings_that_ask_for_terabytes_take_no_memory(stem, change):
    path = stem.with_suffix(".json")
    content = json.loads(path.read_text())
    content["model"] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="damaged or of another model"):
        load_model(stem)


def test_a_damaged_cache_is_never_used_and_made_again(maps, tmp_path):
    cache = tmp_path / "cache"
    prepare_images(maps, IMAGE, cache, silent)
    whole = (cache / "images.npy").read_bytes()
    for _ in damaged(cache / "images.npy"):
        with pytest.raises(InputError, match=r"images\.npy is damaged.*prepare"):
            open_images(cache)
    (cache / "images.npy").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    prepare_images(maps, IMAGE, cache, silent)
    assert (cache / "images.npy").read_bytes() == whole


def test_a_map_changed_while_the_clock_went_back_is_read_again(maps, tmp_path):
    cache = tmp_path / "cache"
    prepare_images(maps, IMAGE, cache, silent)
    before = open_images(cache).copy()
    values = np.random.default_rng(9).random((17, 17, 17)).astype(np.float32)
    nib.save(nib.Nifti1Image(values, np.diag([10.0, 10, 10, 1])), maps[0])
    os.utime(maps[0], (0, 0))
    prepare_images(maps, IMAGE, cache, silent)
    after = open_images(cache)
    assert not np.array_equal(after[0], before[0])
    assert np.array_equal(after[1:], before[1:])


def test_a_full_disk_ends_a_write_and_keeps_what_was_there(model, state, tmp_path):
    table = pd.DataFrame({"value": np.arange(2000.0)})
    reference = Reference(np.zeros(40), np.zeros((40, 40)), *(np.float64(1),) * 3)
    writes = {
        "t.tsv": lambda path: write_tsv(table, path),
        "t.json": lambda path: write_json(list(range(2000)), path),
        "t-resume.pt": lambda path: save_state(state, path),
        "t.safetensors": lambda path: save_model(model, IMAGE, path.with_suffix(""), "k", []),
        "r.safetensors": lambda path: save_reference(reference, path),
    }
    for name, write in writes.items():
        (tmp_path / name).write_text("as it was")
        refused = pytest.raises(
            (OSError, InputError), match=rf"File too large.*{name}|{name} cannot be written"
        )
        with refused, full_disk():
            write(tmp_path / name)
        assert (tmp_path / name).read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(writes)


def test_a_full_disk_ends_preparation_and_it_goes_on_when_there_is_room(maps, tmp_path):
    prepare_images(maps, IMAGE, tmp_path / "whole", silent)
    with pytest.raises(OSError, match="File too large"), full_disk():  # and no signal that ends the process
        prepare_images(maps, IMAGE, tmp_path / "cache", silent)
    prepare_images(maps, IMAGE, tmp_path / "cache", silent)
    names = ("images.npy", "manifest.json")
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(names)
    assert all(
        (tmp_path / "cache" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes() for name in names
    )


def test_space_is_taken_before_it_is_written_through_memory(maps, tmp_path, monkeypatch):
    """Without it a full disk would end the process by a signal, in the middle of a copy."""

    def full(descriptor, start, length):
        assert length > 2 * np.prod(SHAPE) * 3
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        prepare_images(maps, IMAGE, tmp_path / "cache", silent)
    assert not list((tmp_path / "cache").iterdir()), "an array that nothing was written to is left"


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(state, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    for write in (lambda: write_json({}, folder / "a.json"), lambda: save_state(state, folder / "a.pt")):
        with pytest.raises(PermissionError) as refused:
            write()
        assert str(folder) in str(refused.value.filename)
