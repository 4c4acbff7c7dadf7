"""All MONAI and TorchIO: maps in, for any `Compose`, and random changes for training."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from monai.config.type_definitions import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from monai.transforms.intensity.dictionary import RandScaleIntensityd
from monai.transforms.transform import MapTransform
from torchio.transforms.augmentation.intensity.random_noise import RandomNoise
from torchio.transforms.augmentation.spatial.random_affine import RandomAffine

from adhd_cvae.config import AugmentationConfig, ImageConfig
from adhd_cvae.maps import load_map
from adhd_cvae.resampling import grid_affine


class LoadGrayMatterMapd(MapTransform):
    """Read gray-matter maps onto the common grid, smoothed and checked, as `adhd_cvae.maps.load_map` does.

    Paths become (1, x, y, z) float32 `MetaTensor` with the grid's affine, in gray-matter volume per voxel.

    Parameters
    ----------
    keys
        Entries that hold paths.
    grid
        Grid, smoothing and checks.
    allow_missing_keys
        Whether entries may be absent.
    """

    def __init__(self, keys: KeysCollection, grid: ImageConfig, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.grid = grid

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Load.

        Raises
        ------
        adhd_cvae.errors.ImageError
            A file is missing, unreadable or no gray matter in template space.
        """
        loaded = dict(data)
        for key in self.key_iterator(loaded):
            path = Path(loaded[key])
            volume = torch.from_numpy(load_map(path, self.grid).astype(np.float32))[None]
            affine = torch.from_numpy(grid_affine(self.grid))
            loaded[key] = MetaTensor(volume, affine=affine, meta={"filename_or_obj": str(path)})
        return loaded


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
    """Maps as (batch, 1, x, y, z) float32, each randomly changed by its seed where a transform is given.

    One seed a map, not one a batch: several processes that share a batch change its maps as one process would.
    """
    volumes = torch.from_numpy(maps.astype(np.float32))[:, None]
    if transform is None:
        return volumes
    change = cast("Callable[[Any], Any]", transform)
    with torch.random.fork_rng(devices=[]):
        for volume, seed in zip(volumes, seeds, strict=True):
            seed_augmentation(transform, seed)
            # A clone: TorchIO copies its input, and of a view that would be the storage of the whole batch.
            changed = change({"image": volume.clone()})["image"]
            volume.copy_(changed.as_subclass(torch.Tensor))  # as MetaTensor every later step would be slower
    return volumes
