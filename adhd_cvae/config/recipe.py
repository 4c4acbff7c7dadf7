"""All settings together."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from adhd_cvae.config.analysis import AnalysisConfig
from adhd_cvae.config.cohort import CohortConfig
from adhd_cvae.config.images import AugmentationConfig, ImageConfig
from adhd_cvae.config.reference import ReferenceConfig
from adhd_cvae.config.sensitivity import SensitivityConfig
from adhd_cvae.config.settings import Settings
from adhd_cvae.config.training import ModelConfig, ObjectiveConfig, TrainingConfig


class Recipe(Settings):
    """Every setting of a run, resolved."""

    name: str = "adhd200"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Everything random follows from it; libraries take 32 bits."""
    cohort: CohortConfig = CohortConfig()
    image: ImageConfig = ImageConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainingConfig = TrainingConfig()
    analysis: AnalysisConfig = AnalysisConfig()
    reference: ReferenceConfig = ReferenceConfig()
    sensitivity: SensitivityConfig = SensitivityConfig()

    @field_validator("model")
    @classmethod
    def _has_a_salient_space(cls, model: ModelConfig) -> ModelConfig:
        """A network without one is the plain VAE, which `training.vae` trains beside."""
        if model.salient == 0:
            raise ValueError("salient is 0, expected at least 1; the plain VAE comes with training.vae")
        return model

    @model_validator(mode="after")
    def _folds_have_a_model(self) -> "Recipe":
        if self.training.fold_models == "linear" and self.model.start == "random":
            raise ValueError(
                "training.fold_models is linear, but model.start is random, which leaves no linear model to fit in "
                "each fold; expected training.fold_models=same, or another model.start"
            )
        return self

    @model_validator(mode="after")
    def _sites_are_dealt_with_once(self) -> "Recipe":
        if not self.model.condition_on_site:
            return self
        if self.cohort.harmonise != "none":
            raise ValueError(
                f"model.condition_on_site is true and cohort.harmonise is {self.cohort.harmonise}, which leaves maps "
                "without sites for the decoder to explain; expected one of them"
            )
        if self.cohort.site is None:
            raise ValueError(
                "model.condition_on_site is true, but cohort.site names no column; expected one, or "
                "model.condition_on_site=false"
            )
        return self

    @model_validator(mode="after")
    def _grid_can_be_cut(self) -> "Recipe":
        """Each strided convolution halves the grid; patches fill it."""
        model, shape = self.model, list(self.image.shape)
        if model.correction and model.trunk == "patches" and any(side % model.patch for side in shape):
            raise ValueError(
                f"model.patch is {model.patch}, expected a number that divides image.shape {shape}"
            )
        factor = 2 ** len(model.channels)
        if model.correction and any(side % factor for side in shape):
            raise ValueError(
                f"model.channels has {len(model.channels)} layers, each of which halves the grid, but image.shape "
                f"{shape} cannot be divided by {factor}; expected fewer layers"
            )
        return self
