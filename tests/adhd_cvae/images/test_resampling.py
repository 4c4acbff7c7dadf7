import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms.spatial.array import SpatialResample
from nilearn.image import resample_img, smooth_img

from adhd_cvae.config import ImageConfig
from adhd_cvae.images.resampling import grid_affine, smooth, to_grid

GRID = ImageConfig(shape=(18, 20, 16), voxel_size=10.0)
RAS = np.array([[4.0, 0, 0, -88], [0, 4.5, 0, -126], [0, 0, 5, -80], [0, 0, 0, 1]])


def turned(degrees):
    angle = np.deg2rad(degrees)
    rotation = np.eye(4)
    rotation[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return rotation @ RAS


PERMUTED = np.array([[0.0, 0, -4, 88], [4, 0, 0, -126], [0, 5, 0, -80], [0, 0, 0, 1]])
AFFINES = {
    "RAS": RAS,
    "LAS": RAS * [[-1], [1], [1], [1]],
    "axes swapped": PERMUTED,
    "oblique": turned(20),
    "hardly oblique": turned(1e-4),
    "partly outside": RAS + np.array([[0, 0, 0, 70]] * 3 + [[0] * 4]),
}


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(0).random((45, 52, 41)).astype(np.float32)


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_resampling_is_that_of_monai(values, affine):
    theirs = SpatialResample(mode="bilinear", padding_mode="zeros")(
        MetaTensor(torch.from_numpy(values)[None], affine=torch.from_numpy(affine)),
        dst_affine=torch.from_numpy(grid_affine(GRID)),
        spatial_size=GRID.shape,
    )
    ours = to_grid(values, affine, GRID, 0)
    assert ours.dtype == np.float32
    assert ours.any()
    assert np.abs(ours - theirs[0].numpy()).max() < 5e-4  # half a step of float16 at 1


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_does_not_matter(values, order):
    assert np.array_equal(to_grid(np.array(values, order=order), RAS, GRID, 6), to_grid(values, RAS, GRID, 6))


@pytest.mark.parametrize("fwhm", [0.0, 20.0])
def test_resampling_and_smoothing_agree_with_nilearn(values, fwhm):
    image = nib.Nifti1Image(values, RAS)
    reference = resample_img(
        image, grid_affine(GRID), GRID.shape, interpolation="linear", force_resample=True
    )
    reference = smooth_img(reference, fwhm or None).get_fdata()
    ours = to_grid(values, RAS, GRID, fwhm)
    inside = np.zeros(GRID.shape, dtype=bool)
    inside[5:-5, 5:-5, 5:-5] = True  # borders are padded differently
    assert np.abs(ours - reference)[inside].max() < 0.01 * reference[inside].max()


def test_smoothing_is_the_same_before_and_after(values):
    at_once = to_grid(values, turned(0), GRID, 20)
    assert np.allclose(smooth(to_grid(values, RAS, GRID, 0), GRID, 20), at_once, atol=1e-5)
    assert np.allclose(to_grid(values, turned(1), GRID, 20).mean(), at_once.mean(), rtol=0.02)


def test_the_grid_is_centred_where_it_says():
    image = ImageConfig()
    middle = grid_affine(image) @ [31.5, 31.5, 31.5, 1]
    assert np.allclose(middle[:3], image.centre)
