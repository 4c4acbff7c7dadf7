"""Settings: frozen pydantic models that together make a recipe. Units are part of the names or docstrings."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PositiveInt = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CohortConfig(_Settings):
    """Who is a patient, who is a control, and who is held out."""

    group: str = "dx"
    """Phenotype column that tells target from background."""
    target: tuple[int | str, ...] = (1, 2, 3)
    """Codes of patients."""
    background: tuple[int | str, ...] = (0,)
    """Codes of controls."""
    site: str | None = "site"
    """Column of the scanning site; null where there was one."""
    test_fraction: Annotated[float, Field(gt=0, lt=0.9)] = 0.25
    """Share of participants held out of training, site × group kept in proportion."""
    drop_one_group_sites: bool = False
    """Leave out sites that have patients only or controls only."""
    match: tuple[str, ...] = ()
    """Columns (age, sex, site …) in which each patient is paired with one control: codes agree, numbers are near."""
    caliper: Annotated[float, Field(gt=0)] = 0.25
    """Widest difference of a pair in a numeric column of `match`, in the column's standard deviations."""
    max_ratio: Annotated[float, Field(ge=1)] | None = None
    """Cap on a site's larger group, in multiples of its smaller one; who goes is drawn with the seed."""


class ImageConfig(_Settings):
    """The grid every map is resampled to, in world (MNI) space."""

    shape: tuple[PositiveInt, PositiveInt, PositiveInt] = (64, 64, 64)
    voxel_size: Annotated[float, Field(gt=0)] = 3.0
    """Edge of a voxel, mm."""
    centre: tuple[float, float, float] = (0.0, -17.0, 6.0)
    """World coordinate of the grid's middle, mm."""
    fwhm: Annotated[float, Field(ge=0)] = 10.0
    """Gaussian smoothing after resampling, full width at half maximum in mm; 0 for none."""
    min_template_correlation: Annotated[float, Field(ge=-1, le=1)] | None = 0.5
    """Least Pearson correlation with the MNI152 gray-matter template; null for maps of another space."""
    max_offset: Annotated[float, Field(gt=0)] | None = 10.0
    """Largest distance of the centre of mass from the template's, mm; null for maps of another space."""
    mask_threshold: float = 0.1
    """A voxel belongs to the brain mask where the training participants' mean map exceeds this."""
    standardise: Literal["voxelwise", "none"] = "voxelwise"
    """Subtract the training mean and divide by the training spread, voxel by voxel, or neither."""


class AugmentationConfig(_Settings):
    """Random changes of training images; evaluation never sees them."""

    enabled: bool = True
    noise_sd: Annotated[float, Field(ge=0)] = 0.02
    """TorchIO RandomNoise, gray-matter volume per voxel."""
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """MONAI RandScaleIntensity, largest relative change of all gray matter."""
    shift_mm: Annotated[float, Field(ge=0)] = 0.5
    """TorchIO RandomAffine, largest translation, mm."""
    probability: Annotated[float, Field(ge=0, le=1)] = 0.2


class ModelConfig(_Settings):
    """Sizes and parts of the network."""

    salient: Annotated[int, Field(ge=0)] = 4
    """Units of the salient space s (only patients)."""
    background: PositiveInt = 48
    """Units of the background space z (shared)."""
    channels: tuple[PositiveInt, ...] = (8, 16, 32, 64)
    """Filters of the strided convolutions; each halves the grid."""
    hidden: PositiveInt = 64
    """Units of the dense layer between convolutions and latents."""
    start: Literal["contrast", "contrastive_pca", "pcpca", "pca", "ica", "random"] = "contrast"
    """Linear maps that start from one of `adhd_cvae.models.linear.METHODS`, or (random) none."""
    correction: bool = True
    """A convolutional correction of the linear maps; without it the network is linear."""
    noise: Literal["learned", "fixed"] = "learned"
    """The reconstruction's noise variance."""
    output: Literal["identity", "sigmoid"] = "identity"
    """The decoder's last function; a sigmoid cannot pass 1, though modulated maps do."""

    @model_validator(mode="after")
    def _has_a_part(self) -> "ModelConfig":
        if self.start == "random" and not self.correction:
            raise ValueError(
                "start is random and correction is off: no part of the network is left. Choose one."
            )
        return self


_NO_TERMS = {
    "salient_of": "target",
    "critic": "nonlinear",
    "total_correlation": 0.0,
    "background_salient": 0.0,
    "background_spread": 0.0,
    "mmd_background": 0.0,
    "mmd_salient": 0.0,
    "classification": 0.0,
    "hsic": 0.0,
}
OBJECTIVES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "adhd_cvae": {},
        "vae": _NO_TERMS | {"salient_of": "everyone"},
        "cvae": _NO_TERMS | {"total_correlation": 1.0},
        "mm_cvae": _NO_TERMS | {"mmd_background": 1000.0, "mmd_salient": 100.0},
        "sepvae": _NO_TERMS | {"total_correlation": 1.0, "background_salient": 100.0, "classification": 10.0},
        "contrastive_vi": _NO_TERMS | {"background_salient": 100.0, "background_spread": 100.0},
        "hsic": _NO_TERMS | {"background_salient": 100.0, "hsic": 100.0},
    }
)
"""What `objective.name` fills in where nothing is set; ``adhd_cvae`` leaves the defaults of `ObjectiveConfig`.

The terms are those of the papers, the weights are ours: the published ones (MM-cVAE: 10⁴ and 10³ beside errors
summed over voxels and participants) belong to other scales. Here each is in nats per participant, beside a
log-likelihood of `effective_voxels` = 1000 voxels.
"""
SET_BY_NAME = frozenset(_NO_TERMS)
"""Settings of the objective that its name decides."""


class ObjectiveConfig(_Settings):
    """Weights of the loss terms; each term is a mean over participants or pairs, so that no batch size changes it."""

    name: Literal["adhd_cvae", "vae", "cvae", "mm_cvae", "sepvae", "contrastive_vi", "hsic"] = "adhd_cvae"
    """Method whose terms are used (`OBJECTIVES`); what is set beside it counts more."""
    effective_voxels: PositiveInt | None = 1000
    """Gray matter is smooth, so voxels are not independent observations: their summed log-likelihood is scaled as
    if there were this many; null counts each voxel."""
    beta: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the Kullback-Leibler terms."""
    salient_of: Literal["target", "everyone"] = "target"
    """Whose salient code is decoded: patients', or everyone's, as in a plain VAE (Kingma & Welling 2014)."""
    total_correlation: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the critic's total-correlation term (Abid & Zou 2019; SepVAE's mutual information)."""
    critic: Literal["nonlinear", "linear"] = "nonlinear"
    """The study's critic was linear, which cannot see dependence."""
    background_salient: Annotated[float, Field(ge=0)] = 100.0
    """Weight of half the squared length of controls' salient means: with 1/σ² it is their Kullback-Leibler
    divergence from N(0, σ²), up to the variance (SepVAE, Louiset et al. 2023); 100 is σ = 0.1."""
    background_spread: Annotated[float, Field(ge=0)] = 0.0
    """Weight of half the summed posterior variance of controls' s. As heavy as `background_salient`, both together
    are the squared Wasserstein distance from the point 0 (contrastiveVI, Weinberger et al. 2023) times half the
    weight."""
    mmd_background: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the squared maximum mean discrepancy, 0 to 2, between z of patients and of controls (MM-cVAE,
    Weinberger et al. 2022)."""
    mmd_salient: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the squared maximum mean discrepancy, 0 to 2, between controls' s and the point 0 (MM-cVAE)."""
    classification: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the cross-entropy of telling the groups from s by a linear classifier, nats; chance is 0.69
    (SepVAE)."""
    hsic: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the normalised Hilbert-Schmidt independence criterion, at most 1, of z and s in patients."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, settings: Any) -> Any:
        """Add what the name says and nobody set; settings that are complete stay as they are."""
        if not isinstance(settings, dict):
            return settings
        return {**OBJECTIVES.get(str(settings.get("name")), {}), **settings}


class TrainingConfig(_Settings):
    """The optimisation. Steps are paired batches of target and background."""

    epochs: Annotated[int, Field(ge=0)] = 60
    """With 0 the linear start is the model."""
    batch_size: PositiveInt = 16
    """Participants of each group in a batch."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    linear_learning_rate: Annotated[float, Field(ge=0)] = 1e-2
    """Learning rate of the linear start, as a share of the size of its weights."""
    train_salient: bool | None = None
    """Whether the means of s learn; null: only where they have no linear start, on which training does not improve."""
    gradient_clip: Annotated[float, Field(gt=0)] = 1.0
    validation_fraction: Annotated[float, Field(ge=0, lt=0.9)] = 0.1
    """Share of the training split that neither start nor steps see and that decides when to stop; the test split never
    decides anything. With 0 the loss of those trained on decides."""
    patience: PositiveInt = 10
    """Epochs without a better validation loss before training stops."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    vae: bool = True
    """Also train the plain VAE, the comparison."""
    device: str = "auto"


class Variable(_Settings):
    """A phenotype column and how two participants' values differ."""

    name: str
    scale: Literal["ratio", "nominal"]


class Claim(_Settings):
    """Something a study says of a space: what it is related to, or that it forms one cluster."""

    space: Literal["salient", "background"]
    name: str = ""
    """What the space is said to be related to."""
    columns: tuple[str, ...] = ()
    """Analysed variables that may stand for it; the first that the cohort has does."""
    one_cluster: bool = False
    """The space is said to form one cluster instead."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Claim":
        if self.one_cluster == bool(self.columns) or bool(self.name) != bool(self.columns):
            raise ValueError("name and columns belong together; give them, or one_cluster: true, not both")
        return self


class AnalysisConfig(_Settings):
    """What is asked of the latents."""

    variables: tuple[Variable, ...] = ()
    batteries: dict[str, tuple[str, ...]] = {}
    """Name of a new variable: columns whose first principal component it is (complete cases)."""
    claims: tuple[Claim, ...] = ()
    """What a study says, to be judged by this cohort; none: no table of claims."""
    permutations: PositiveInt = 5000
    permute_within: str | None = None
    """Column within whose levels participants are permuted, or null."""
    bootstraps: PositiveInt = 1000
    draws: PositiveInt = 10
    """Posterior draws per participant."""
    max_components: PositiveInt = 10
    """Largest number of mixture components tried."""
    atlas: str | None = None
    """NIfTI file of whole-number labels in MNI space that names the peaks, with BIDS' ``dseg.tsv`` beside it."""


class Recipe(_Settings):
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
