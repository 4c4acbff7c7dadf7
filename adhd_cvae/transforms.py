"""All MONAI and TorchIO: maps onto the common grid, and random changes for training."""

from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from monai.transforms.intensity.dictionary import RandScaleIntensityd
from monai.transforms.spatial.array import SpatialResample
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, SpatialImage
from torchio.transforms.augmentation.intensity.random_noise import RandomNoise
from torchio.transforms.augmentation.spatial.random_affine import RandomAffine

from adhd_cvae.config import AugmentationConfig, ImageConfig
from adhd_cvae.errors import ImageError

FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))
LARGEST_MAP = 512**3
"""Voxels; a header that asks for more is refused before anything is read."""


def grid_affine(image: ImageConfig) -> np.ndarray:
    """Voxel indices to world (MNI) mm of the common grid: axis-aligned RAS, (4, 4) float64."""
    affine = np.diag([image.voxel_size] * 3 + [1.0])
    affine[:3, 3] = np.asarray(image.centre) - image.voxel_size * (np.asarray(image.shape) - 1) / 2
    return affine


def read_map(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a NIfTI map as (x, y, z) float32 and its affine; NaN, which marks "outside the brain", becomes 0.

    Raises
    ------
    ImageError
        ``missing``, ``unreadable``, ``not_3d``, ``too_large``, ``not_finite``, ``empty`` or ``constant``.
    """
    try:
        file = nib.load(path)
        if not isinstance(file, SpatialImage):
            raise ImageError("unreadable", f"{path.name} is a {type(file).__name__}, not an image.")
        shape = tuple(size for position, size in enumerate(file.shape) if position < 3 or size > 1)
        if len(shape) != 3:
            raise ImageError("not_3d", f"{path.name} has shape {file.shape}; expected one 3-D volume.")
        if np.prod(shape, dtype=float) > LARGEST_MAP:
            raise ImageError("too_large", f"{path.name} asks for {shape} voxels; expected at most 512³.")
        values = np.asarray(file.dataobj, dtype=np.float32).reshape(shape)
        affine = file.affine
    except FileNotFoundError:
        raise ImageError("missing", f"{path.name} is not there.") from None
    except (ImageFileError, HeaderDataError, EOFError, OSError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(
            "unreadable", f"{path.name} cannot be read as NIfTI ({_first_line(error, path)})."
        ) from None
    if np.isinf(values).any() or affine is None or not np.isfinite(affine).all():
        raise ImageError("not_finite", f"{path.name} holds infinite values or an affine that is not finite.")
    values = np.nan_to_num(values, nan=0.0)
    if not values.any():
        raise ImageError("empty", f"{path.name} is zero everywhere.")
    if values.min() == values.max():
        raise ImageError("constant", f"{path.name} is {values.flat[0]:g} everywhere.")
    return values, affine


def _first_line(error: Exception, path: Path) -> str:
    """What a library said, without the folder the file lies in."""
    lines = str(error).replace(f"{path.parent}/", "").splitlines()
    return lines[0] if lines else type(error).__name__


def load_map(path: Path, image: ImageConfig) -> np.ndarray:
    """Read a gray-matter map onto the common grid, smoothed.

    Resampled linearly in world space, so orientation, voxel size and origin do not matter.

    Returns
    -------
    numpy.ndarray
        `image.shape` float16, gray-matter volume per voxel of the file's own grid.

    Raises
    ------
    ImageError
        As `read_map`; ``outside_grid`` where nothing of the map falls inside the grid.
    """
    values, affine = read_map(path)
    volume = MetaTensor(torch.from_numpy(values)[None], affine=torch.from_numpy(affine))
    resampled = SpatialResample(mode="bilinear", padding_mode="zeros")(
        volume, dst_affine=torch.from_numpy(grid_affine(image)), spatial_size=image.shape
    )
    result = smooth(torch.as_tensor(resampled, dtype=torch.float32), image)[0]
    if not result.any():
        raise ImageError(
            "outside_grid", f"{path.name} has no gray matter inside the grid; is it in MNI space?"
        )
    return result.to(torch.float16).numpy()


def smooth(volume: torch.Tensor, image: ImageConfig) -> torch.Tensor:
    """Convolve (1, x, y, z) with a Gaussian of `image.fwhm` mm along each axis."""
    if image.fwhm == 0:
        return volume
    sigma = image.fwhm / FWHM_PER_SIGMA / image.voxel_size
    reach = int(np.ceil(4 * sigma))
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    taps = taps / taps.sum()
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[axis + 2] = -1
        padding = [reach if position == axis else 0 for position in range(3)]
        volume = torch.nn.functional.conv3d(volume, taps.reshape(shape), padding=padding)
    return volume


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
