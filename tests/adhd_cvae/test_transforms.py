import gzip

import nibabel as nib
import numpy as np
import pytest
import torch
from nilearn.image import resample_img, smooth_img

from adhd_cvae.config import AugmentationConfig, ImageConfig
from adhd_cvae.errors import ImageError
from adhd_cvae.transforms import augmentation, grid_affine, load_map, read_map, seed_augmentation

SMALL = ImageConfig(shape=(16, 16, 16), voxel_size=12.0, fwhm=0.0)
RAS = np.array([[4.0, 0, 0, -88], [0, 4, 0, -116], [0, 0, 4, -80], [0, 0, 0, 1]])


def brain(seed=0, shape=(45, 50, 45)):
    values = np.random.default_rng(seed).random(shape)
    return smooth_img(nib.Nifti1Image(values, RAS), 20).get_fdata().astype(np.float32)


def save(path, values, affine=RAS):
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


def test_the_grid_is_centred_where_it_says():
    image = ImageConfig()
    middle = grid_affine(image) @ [31.5, 31.5, 31.5, 1]
    assert np.allclose(middle[:3], image.centre)


@pytest.mark.parametrize("fwhm", [0.0, 20.0])
def test_resampling_agrees_with_nilearn(tmp_path, fwhm):
    settings = SMALL.model_copy(update={"fwhm": fwhm})
    values = brain()
    ours = load_map(save(tmp_path / "a.nii.gz", values), settings)
    reference = resample_img(
        nib.Nifti1Image(values, RAS),
        grid_affine(SMALL),
        SMALL.shape,
        interpolation="linear",
        force_resample=True,
    )
    reference = smooth_img(reference, fwhm or None).get_fdata()
    inside = np.zeros(SMALL.shape, dtype=bool)
    inside[4:-4, 4:-4, 4:-4] = True  # borders are padded differently
    assert ours.dtype == np.float16
    assert np.abs(ours - reference)[inside].max() < 0.01 * reference[inside].max()


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


BROKEN = {
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
REASONS = {"truncated": "unreadable", "all_nan": "empty"}


@pytest.mark.parametrize("kind", BROKEN)
def test_each_broken_map_is_refused_with_its_reason(tmp_path, kind):
    path = tmp_path / "map.nii.gz"
    BROKEN[kind](path)
    with pytest.raises(ImageError) as refused:
        load_map(path, SMALL)
    assert refused.value.reason == REASONS.get(kind, kind)
    assert "map.nii.gz" in refused.value.detail
    assert str(tmp_path) not in refused.value.detail


def test_augmentation_follows_its_seed_and_moves_by_millimetres():
    settings = AugmentationConfig(probability=1.0, noise_sd=0.0, scale=0.05, shift_mm=3.0)
    image = ImageConfig()
    transform = augmentation(settings, image)
    volume = torch.zeros(1, 64, 64, 64)
    volume[0, 30:34, 30:34, 30:34] = 1.0
    seed_augmentation(transform, 5)
    first = transform({"image": volume})["image"]
    seed_augmentation(transform, 5)
    assert torch.equal(transform({"image": volume})["image"], first)
    assert not torch.equal(transform({"image": volume})["image"], first)
    centre = [
        float((first[0].sum(dim=tuple({0, 1, 2} - {axis})) * torch.arange(64)).sum()) for axis in range(3)
    ]
    shift = np.asarray(centre) / float(first.sum()) - 31.5
    assert 0 < np.abs(shift).max() <= 1.01  # at most 3 mm are one voxel


def test_augmentation_can_be_switched_off():
    assert augmentation(AugmentationConfig(enabled=False), ImageConfig()) is None
