"""Settings of the maps and of their random changes."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from adhd_cvae.config.settings import Settings


class MapCheckConfig(Settings):
    """What else tells gray matter in template space from other maps."""

    fwhm: NonNegativeFloat = 10.0
    """Smoothing of map and template before they are compared, mm: folding and registration differ little then,
    position, orientation and tissue much."""
    template_threshold: float = 0.1
    """The template's gray matter above which a voxel is compared."""
    largest_negative: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Largest share of a map's absolute sum below zero; cubic resampling overshoots to some 0.02."""
    largest_scale: Annotated[float, Field(gt=1)] | None = 2.5
    """Largest factor between a map's gray matter and the median map's: participants differ by less than 2, lost scale
    factors are 100, 255 or more; null for maps that may differ."""
    same_brain: Annotated[float, Field(ge=0, lt=1)] = 0.005
    """Largest difference of two maps of one brain, as a share of the maximum; rounding makes some 0.001, two scans of
    one participant differ by more than 0.02."""


class ImageConfig(Settings):
    """The grid every map is resampled to, in world (MNI) space."""

    shape: tuple[PositiveInt, PositiveInt, PositiveInt] = (64, 64, 64)
    voxel_size: PositiveFloat = 3.0
    """Edge of a voxel, mm."""
    centre: tuple[float, float, float] = (0.0, -17.0, 6.0)
    """World coordinate of the grid's middle, mm."""
    fwhm: NonNegativeFloat = 10.0
    """Gaussian smoothing after resampling, full width at half maximum in mm; 0 for none."""
    min_template_correlation: Annotated[float, Field(ge=-1, le=1)] | None = 0.5
    """Least Pearson correlation with the MNI152 gray-matter template; null for maps of another space."""
    max_offset: PositiveFloat | None = 10.0
    """Largest distance of the centre of mass from the template's, mm; null for maps of another space."""
    check: MapCheckConfig = MapCheckConfig()
    mask_threshold: float = 0.1
    """A voxel belongs to the brain mask where the training participants' mean map exceeds this."""
    standardise: Literal["voxelwise", "none"] = "voxelwise"
    """Subtract the training mean and divide by the training spread, voxel by voxel, or neither."""
    least_spread: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Quantile of the spread that voxels which hardly vary are divided by, rather than blown up by their own."""


class AugmentationConfig(Settings):
    """Random changes of training images; evaluation never sees them."""

    enabled: bool = False
    """In simulated cohorts held-out participants gained nothing by it, at twice the time."""
    noise_sd: NonNegativeFloat = 0.02
    """TorchIO RandomNoise, gray-matter volume per voxel."""
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """MONAI RandScaleIntensity, largest relative change of all gray matter."""
    shift_mm: NonNegativeFloat = 0.5
    """TorchIO RandomAffine, largest translation, mm."""
    probability: Annotated[float, Field(ge=0, le=1)] = 0.2
