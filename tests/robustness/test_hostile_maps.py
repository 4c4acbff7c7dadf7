"""Maps made to mislead or to fill the memory: each is refused with its reason, quickly and in little memory."""

import gzip
import os
import struct
import time
import tracemalloc
import warnings

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image, Nifti1Pair
from nibabel.nifti2 import Nifti2Image

from adhd_cvae.errors import ImageError
from adhd_cvae.images.nifti import read_map

SECONDS = 5.0
"""Of processor: what misleads would take minutes, and a busy machine is no fault."""
MEMORY = 16 * 2**20
BOMB = gzip.compress(bytes(64 * 2**20), 1)
"""64 MiB in 300 KB."""


def sound():
    values = np.random.default_rng(0).random((9, 9, 9)).astype(np.float32)
    return bytearray(Nifti1Image(values, np.diag([4.0, 4, 4, 1])).to_bytes())


def with_bytes(position, kind, *values, content=None):
    content = sound() if content is None else content
    struct.pack_into(f"<{len(values)}{kind}", content, position, *values)
    return bytes(content)


def nifti_2(position, kind, *values):
    image = Nifti2Image(np.random.default_rng(0).random((9, 9, 9)).astype(np.float32), np.eye(4))
    return with_bytes(position, kind, *values, content=bytearray(image.to_bytes()))


HEADERS = {
    "terabytes": (with_bytes(42, "h", 30000, 30000, 30000), "too_large"),
    "terabytes of NIfTI-2": (nifti_2(24, "q", 2**40), "too_large"),
    "one long side": (with_bytes(42, "h", 30000, 1, 1), "too_large"),
    "more voxels than the file holds": (with_bytes(42, "h", 400, 400, 400), "unreadable"),
    "a negative side": (with_bytes(42, "h", -9), None),
    "no side": (with_bytes(42, "h", 0), "empty"),
    "negative number of dimensions": (with_bytes(40, "h", -3), None),
    "too many dimensions": (with_bytes(40, "h", 9), None),
    "wrong magic": (with_bytes(344, "I", 0x12345678), "unreadable"),
    "infinite slope": (with_bytes(112, "f", float("inf")), "not_finite"),
    "infinite intercept": (with_bytes(112, "f", 1.0, float("inf")), "unreadable"),
    "slope of NIfTI-2": (nifti_2(176, "d", float("inf")), "not_finite"),
    "NaN in the affine": (with_bytes(280, "f", float("nan")), "bad_affine"),
    "infinity in the affine": (with_bytes(292, "f", float("inf")), "bad_affine"),
    "voxels of NIfTI-2 that overflow": (
        with_bytes(348, "i", 0, content=bytearray(nifti_2(112, "d", 1.7e308))),
        "bad_affine",
    ),
    "flat affine": (with_bytes(280, "f", *[0.0] * 4), "bad_affine"),
    "voxels far behind the header": (with_bytes(108, "f", 1e9), "too_large"),
    "voxels at infinity": (with_bytes(108, "f", float("inf")), "too_large"),
    "voxels before the header": (with_bytes(108, "f", -400.0), "unreadable"),
    "voxels nowhere": (with_bytes(108, "f", float("nan")), "unreadable"),
    "bits of nothing": (with_bytes(70, "h", 0), "unreadable"),
}


def refuse(path, most=MEMORY):
    """Read `path`, which must be refused within `SECONDS` and `most` bytes; give the error."""
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(ImageError) as refused:
            read_map(path)
        assert time.process_time() - started < SECONDS
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
    assert path.name in refused.value.detail
    assert "\n" not in refused.value.detail
    assert len(refused.value.detail) < 300
    return refused.value


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
@pytest.mark.parametrize("lie", HEADERS)
def test_a_header_that_lies_is_refused(tmp_path, lie, ending):
    content, reason = HEADERS[lie]
    path = tmp_path / f"map.{ending}"
    path.write_bytes(gzip.compress(content, 1) if ending == "nii.gz" else content)
    refused = refuse(path)
    assert reason in (None, refused.reason)


def test_the_sound_file_they_are_made_of_is_read(tmp_path):
    (tmp_path / "map.nii").write_bytes(sound())
    (tmp_path / "map.nii.gz").write_bytes(gzip.compress(sound()))
    assert np.array_equal(read_map(tmp_path / "map.nii")[0], read_map(tmp_path / "map.nii.gz")[0])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BOMB, "unreadable"),
        (gzip.compress(bytes(sound())) + BOMB, "too_large"),
        (gzip.compress(bytes(sound()) + bytes(64 * 2**20), 1), "too_large"),
        (BOMB[:10] + b"\xff" * 5000, "unreadable"),
    ],
    ids=["zeros", "a second member", "zeros behind the voxels", "no gzip inside"],
)
def test_a_bomb_is_not_blown_up(tmp_path, content, reason):
    path = tmp_path / "map.nii.gz"
    path.write_bytes(content)
    assert refuse(path).reason == reason


def test_a_long_name_inside_gzip_hides_no_header(tmp_path):
    compressed = gzip.compress(with_bytes(112, "f", float("inf")))
    named = compressed[:3] + b"\x08" + compressed[4:10] + b"x" * 5000 + b"\0" + compressed[10:]
    path = tmp_path / "map.nii.gz"
    path.write_bytes(named)
    assert refuse(path).reason == "not_finite"


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "map.nii.gz")
    assert refuse(tmp_path / "map.nii.gz").reason == "unreadable"
    (tmp_path / "link.nii").symlink_to(tmp_path / "link.nii")
    assert refuse(tmp_path / "link.nii").reason in ("unreadable", "missing", "not_fetched")
    (tmp_path / "zero.nii").symlink_to("/dev/zero")
    assert refuse(tmp_path / "zero.nii").reason == "unreadable"


def test_a_pair_compressed_is_no_header(tmp_path):
    values = np.full((9, 9, 9), 1e30, np.float32)
    values[0] = 1
    Nifti1Pair(values, np.eye(4)).to_filename(tmp_path / "map.img.gz")
    assert np.array_equal(read_map(tmp_path / "map.img.gz")[0], values)


def test_an_extension_of_gigabytes_is_passed_over(tmp_path):
    """Found by `make fuzz`: nibabel takes memory for as much as an extension says it holds."""
    for number, content in enumerate([with_bytes(348, "i", 1, 2**30), nifti_2(540, "q", 1 + (2**30 << 32))]):
        path = tmp_path / f"{number}.nii"
        path.write_bytes(content)
        tracemalloc.start()
        read_map(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MEMORY


@pytest.mark.parametrize("scale", [1e200, 1e-320])
def test_an_affine_beyond_all_numbers_is_refused_without_a_warning(tmp_path, scale):
    """Found by `make fuzz`: numpy warned of the determinant."""
    path = tmp_path / "map.nii"
    path.write_bytes(nifti_2(400, "d", *np.eye(3, 4).ravel() * scale))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert refuse(path).reason == "bad_affine"
    assert not warned
