"""All MONAI and TorchIO: maps in, for any `Compose`, and random changes for training."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
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
    torch.default_generator.manual_seed(seed)  # the GPU's, which draws codes, stays as it is
    if transform is not None:
        transform.set_random_state(seed % 2**32)


def load_batch(maps: np.ndarray, transform: Compose | None, seeds: Sequence[int] = ()) -> torch.Tensor:
    """Maps as (batch, 1, x, y, z), each randomly changed by its seed where a transform is given: float32 then.

    Without one they stay as they are stored, so that only the mask's voxels need be converted.
    One seed a map, not one a batch: several processes that share a batch change its maps as one process would.
    """
    if transform is None:
        return torch.from_numpy(maps)[:, None]
    volumes = torch.from_numpy(maps.astype(np.float32))[:, None]
    change = cast("Callable[[Any], Any]", transform)
    with torch.random.fork_rng(devices=[]):
        for volume, seed in zip(volumes, seeds, strict=True):
            seed_augmentation(transform, seed)
            # A clone: TorchIO copies its input, and of a view that would be the storage of the whole batch.
            changed = change({"image": volume.clone()})["image"]
            volume.copy_(changed.as_subclass(torch.Tensor))  # as MetaTensor every later step would be slower
    return volumes
