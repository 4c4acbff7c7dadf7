import gzip

import nibabel as nib
import numpy as np
import pytest
from nilearn.image import smooth_img

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import ImageError
from adhd_cvae.images.nifti import check_array, load_map, read_map
from adhd_cvae.images.resampling import to_grid

UNCHECKED = {"min_template_correlation": None, "max_offset": None}
SMALL = ImageConfig(shape=(16, 16, 16), voxel_size=12.0, fwhm=0.0, **UNCHECKED)
RAS = np.array([[4.0, 0, 0, -88], [0, 4, 0, -116], [0, 0, 4, -80], [0, 0, 0, 1]])


def brain(seed=0, shape=(45, 50, 45)):
    values = np.random.default_rng(seed).random(shape)
    return smooth_img(nib.Nifti1Image(values, RAS), 20).get_fdata().astype(np.float32)


def save(path, values, affine=RAS):
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


def test_orientation_voxel_size_and_scaling_do_not_matter(tmp_path):
    values = brain()
    plain = load_map(save(tmp_path / "ras.nii", values), SMALL)
    flipped = RAS.copy()
    flipped[0, 0], flipped[0, 3] = -4.0, -88 + 4.0 * (values.shape[0] - 1)
    las = load_map(save(tmp_path / "las.nii", values[::-1], flipped), SMALL)
    scaled = nib.Nifti1Image(values, RAS)
    scaled.set_data_dtype(np.int16)
    nib.save(scaled, tmp_path / "scaled.nii.gz")
    single = load_map(save(tmp_path / "4d.nii.gz", values[..., None]), SMALL)
    assert np.allclose(las, plain, atol=1e-3)
    assert np.allclose(load_map(tmp_path / "scaled.nii.gz", SMALL), plain, atol=2e-3)
    assert np.array_equal(single, plain)


def test_nan_outside_the_brain_is_zero_and_values_above_one_stay(tmp_path):
    values = brain() * 3
    values[:10] = np.nan
    read, _ = read_map(save(tmp_path / "a.nii", values))
    assert not read[:10].any()
    assert read.max() > 1


def test_nan_is_zero_beside_negative_values_and_around_a_constant(tmp_path):
    values = brain() - np.float32(0.5)
    values[:10] = np.nan
    read, _ = read_map(save(tmp_path / "a.nii", values))
    assert np.array_equal(read, np.nan_to_num(values))
    values[10:] = 0.5
    read, _ = read_map(save(tmp_path / "b.nii", values))
    assert np.array_equal(read, np.nan_to_num(values))


def unreadable(path):
    path.write_bytes(b"not an image")


def truncated(path):
    whole = path.with_name("whole.nii.gz")
    save(whole, brain())
    path.write_bytes(whole.read_bytes()[:5000])


def huge(path):
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float32)
    header.set_data_shape((4000, 4000, 4000))
    path.write_bytes(gzip.compress(header.binaryblock + b"\0" * 4))


def infinite(path):
    values = brain()
    values[3, 3, 3] = np.inf
    save(path, values)


def far_off(path):
    affine = RAS.copy()
    affine[:3, 3] += 5000
    save(path, brain(), affine)


def rewritten(path, change, dtype=np.float32):
    """A sound file whose header bytes were changed."""
    image = nib.Nifti1Image(brain(shape=(9, 9, 9)).astype(dtype), RAS)
    content = bytearray(image.to_bytes())
    change(content)
    path.write_bytes(gzip.compress(bytes(content)))


def no_voxels(path):
    def change(content):
        content[42:44] = (0).to_bytes(2, "little")

    rewritten(path, change)


def unknown_type(path):
    def change(content):
        content[70:72] = (9999).to_bytes(2, "little")

    rewritten(path, change)


def corrupted(path):
    save(path, brain())
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(content)


def flat_affine(path):
    image = nib.Nifti1Image(brain(), RAS)
    image.header.set_sform(np.diag([4.0, 4, 0, 1]), code=1)
    nib.save(nib.Nifti1Image(brain(), None, image.header), path)


BROKEN = {
    "folder": lambda path: path.mkdir(),
    "nothing": lambda path: path.write_bytes(b""),
    "gz_of_nothing": lambda path: path.write_bytes(gzip.compress(b"")),
    "not_gz": lambda path: path.write_bytes(nib.Nifti1Image(brain(), RAS).to_bytes()),
    "header_only": lambda path: path.write_bytes(gzip.compress(nib.Nifti1Header().binaryblock)),
    "no_voxels": no_voxels,
    "unknown_type": unknown_type,
    "corrupted": corrupted,
    "complex": lambda path: save(path, brain().astype(np.complex64)),
    "colours": lambda path: save(path, np.zeros((5, 5, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])),
    "bad_affine": flat_affine,
    "unreadable": unreadable,
    "truncated": truncated,
    "too_large": huge,
    "not_finite": infinite,
    "outside_grid": far_off,
    "missing": lambda path: None,
    "empty": lambda path: save(path, np.zeros((5, 5, 5), np.float32)),
    "all_nan": lambda path: save(path, np.full((5, 5, 5), np.nan, np.float32)),
    "constant": lambda path: save(path, np.ones((5, 5, 5), np.float32)),
    "not_3d": lambda path: save(path, np.ones((5, 5, 5, 2), np.float32)),
}
REASONS = {
    "truncated": "unreadable",
    "all_nan": "empty",
    "folder": "unreadable",
    "nothing": "unreadable",
    "gz_of_nothing": "unreadable",
    "not_gz": "unreadable",
    "header_only": "not_3d",
    "no_voxels": "empty",
    "unknown_type": "unreadable",
    "corrupted": "unreadable",
    "complex": "not_real",
    "colours": "not_real",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_each_broken_map_is_refused_with_its_reason(tmp_path, kind):
    path = tmp_path / "map.nii.gz"
    BROKEN[kind](path)
    with pytest.raises(ImageError) as refused:
        load_map(path, SMALL)
    assert refused.value.reason == REASONS.get(kind, kind)
    assert "map.nii.gz" in refused.value.detail
    assert str(tmp_path) not in refused.value.detail


def test_several_gzip_members_in_a_row_are_one_file(tmp_path):
    content = nib.Nifti1Image(brain(), RAS).to_bytes()
    path = tmp_path / "blocks.nii.gz"
    path.write_bytes(gzip.compress(content[:70_000]) + gzip.compress(content[70_000:]))
    assert np.array_equal(read_map(path)[0], brain())


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "img"])
def test_every_container_reads_the_same(tmp_path, ending):
    path = tmp_path / f"map.{ending}"
    pair = nib.Nifti1Pair if ending == "img" else nib.Nifti2Image
    nib.save(pair(brain(), RAS), path)
    values, affine = read_map(path)
    assert np.array_equal(values, brain())
    assert np.allclose(affine, RAS)


def test_what_float16_rounds_to_zero_is_all_that_is_set_to_zero(tmp_path):
    values = brain() * np.float32(1e-6)
    kept = load_map(save(tmp_path / "faint.nii", values), SMALL)
    assert np.array_equal(kept, to_grid(values, RAS, SMALL, 0).astype(np.float16))
    assert 0 < (kept != 0).mean() < 1


def test_an_array_must_fit_the_grid():
    with pytest.raises(ImageError, match=r"shape \(16, 16\); expected \(16, 16, 16\)"):
        check_array(np.zeros((16, 16)), SMALL, "row 3")
    with pytest.raises(ImageError, match="not finite"):
        check_array(np.full(SMALL.shape, np.nan), SMALL, "row 3")
    assert check_array(np.full(SMALL.shape, 0.1), SMALL, "row 3").dtype == np.float16
