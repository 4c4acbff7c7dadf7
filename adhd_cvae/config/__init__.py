"""Settings: frozen pydantic models that together make a recipe. Units are part of the names or docstrings."""

from adhd_cvae.config.analysis import (
    AnalysisConfig,
    Claim,
    MapsConfig,
    PartialConfig,
    SeparationConfig,
    SizesConfig,
    Variable,
)
from adhd_cvae.config.cohort import CohortConfig
from adhd_cvae.config.images import AugmentationConfig, ImageConfig, MapCheckConfig
from adhd_cvae.config.recipe import Recipe
from adhd_cvae.config.reference import ReferenceConfig
from adhd_cvae.config.sensitivity import Region, SensitivityConfig
from adhd_cvae.config.training import (
    OBJECTIVES,
    SET_BY_NAME,
    LinearConfig,
    ModelConfig,
    ObjectiveConfig,
    TrainingConfig,
    WarningsConfig,
)

__all__ = [
    "OBJECTIVES",
    "SET_BY_NAME",
    "AnalysisConfig",
    "AugmentationConfig",
    "Claim",
    "CohortConfig",
    "ImageConfig",
    "LinearConfig",
    "MapCheckConfig",
    "MapsConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "PartialConfig",
    "Recipe",
    "ReferenceConfig",
    "Region",
    "SensitivityConfig",
    "SeparationConfig",
    "SizesConfig",
    "TrainingConfig",
    "Variable",
    "WarningsConfig",
]
