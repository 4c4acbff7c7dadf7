import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms.compose import Compose
from monai.transforms.intensity.dictionary import ScaleIntensityd

from adhd_cvae.config import AugmentationConfig, ImageConfig
from adhd_cvae.images.nifti import load_map
from adhd_cvae.images.resampling import grid_affine
from adhd_cvae.inference.monai_bundle import LoadGrayMatterMapd
from adhd_cvae.training.augmentation import augmentation, seed_augmentation


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


def test_maps_are_loaded_in_any_compose_as_the_stages_do(tmp_path):
    grid = ImageConfig(shape=(16, 16, 16), voxel_size=12, min_template_correlation=None, max_offset=None)
    values = np.random.default_rng(0).uniform(0, 1, (20, 24, 20)).astype(np.float32)
    path = tmp_path / "map.nii.gz"
    nib.Nifti1Image(values, np.diag([8.0, -8, 8, 1])).to_filename(path)
    chain = Compose(
        [LoadGrayMatterMapd("image", grid), ScaleIntensityd("image", minv=None, maxv=None, factor=1.0)]
    )
    data = {"image": str(path), "participant_id": "sub-1"}
    loaded = chain(data)
    assert data["image"] == str(path)
    assert loaded["participant_id"] == "sub-1"
    np.testing.assert_allclose(loaded["image"][0].numpy(), 2 * load_map(path, grid).astype(np.float32))
    np.testing.assert_allclose(loaded["image"].affine.numpy(), grid_affine(grid))
    with pytest.raises(KeyError):
        LoadGrayMatterMapd("other", grid)(data)
