"""All settings together."""

from pydantic import field_validator

from adhd_cvae.config.analysis import AnalysisConfig
from adhd_cvae.config.cohort import CohortConfig
from adhd_cvae.config.images import AugmentationConfig, ImageConfig
from adhd_cvae.config.settings import Settings
from adhd_cvae.config.training import ModelConfig, ObjectiveConfig, TrainingConfig


class Recipe(Settings):
    """Every setting of a run, resolved."""

    name: str = "adhd200"
    seed: int = 0
    cohort: CohortConfig = CohortConfig()
    image: ImageConfig = ImageConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainingConfig = TrainingConfig()
    analysis: AnalysisConfig = AnalysisConfig()

    @field_validator("model")
    @classmethod
    def _has_a_salient_space(cls, model: ModelConfig) -> ModelConfig:
        """A network without one is the plain VAE, which `training.vae` trains beside."""
        if model.salient == 0:
            raise ValueError("salient is 0, expected at least 1; the plain VAE comes with training.vae")
        return model
