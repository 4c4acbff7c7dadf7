"""All MONAI and TorchIO: random changes for training."""

import torch
from monai.transforms.compose import Compose
from monai.transforms.intensity.dictionary import RandScaleIntensityd
from torchio.transforms.augmentation.intensity.random_noise import RandomNoise
from torchio.transforms.augmentation.spatial.random_affine import RandomAffine

from adhd_cvae.config import AugmentationConfig, ImageConfig


def augmentation(settings: AugmentationConfig, image: ImageConfig) -> Compose | None:
    """Random shifts, noise and scaling on ``{"image": (1, x, y, z)}``; None where switched off.

    TorchIO draws from torch's global generator and MONAI from its own: seed both (`seed_augmentation`).
    """
    if not settings.enabled:
        return None
    shift = RandomAffine(
        scales=0,
        degrees=0,
        translation=settings.shift_mm / image.voxel_size,  # plain tensors have voxels of 1 mm
        default_pad_value=0,
        p=settings.probability,
        include=["image"],
    )
    noise = RandomNoise(std=(0, settings.noise_sd), p=settings.probability, include=["image"])
    return Compose([shift, noise, RandScaleIntensityd("image", settings.scale, prob=settings.probability)])


def seed_augmentation(transform: Compose | None, seed: int) -> None:
    """Make every later random change follow from `seed`."""
    torch.manual_seed(seed)
    if transform is not None:
        transform.set_random_state(seed % 2**32)
