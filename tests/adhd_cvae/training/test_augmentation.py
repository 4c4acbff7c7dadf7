"""Random changes of training images."""

import numpy as np
import torch

from adhd_cvae.config import AugmentationConfig, ImageConfig
from adhd_cvae.training.augmentation import augmentation, seed_augmentation


def test_augmentation_follows_its_seed_and_moves_by_millimetres():
    settings = AugmentationConfig(enabled=True, probability=1.0, noise_sd=0.0, scale=0.05, shift_mm=3.0)
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
