"""Settings of the network, of what it is trained for, and how."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from adhd_cvae.config.settings import Settings

Share = Annotated[float, Field(gt=0, le=1)]


class LinearConfig(Settings):
    """The linear solution that a network starts from, and the baselines beside it.

    The shares and the strength were chosen on simulated cohorts by what held-out patients show.
    """

    rank_share: Share = 0.35
    """Leading principal components, as a share of the training participants, that are told from the tail."""
    floor_share: Share = 0.6
    """Principal component, as a share of the training participants, whose variance smaller ones are given."""
    alpha: NonNegativeFloat = 40.0
    """Contrast strength of contrastive PCA alone."""
    agreeing_ranks: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.35, 0.5, 0.65)
    """Rank shares of the contrastive PCAs that ``contrast`` averages: no one of them is best everywhere, and what they
    agree on predicts severities of new patients better than any of them."""
    agreeing_alpha: NonNegativeFloat = 100.0
    """Their contrast strength; of 40, 100 and 400 together they predict no better."""
    agreeing_units: PositiveInt = 12
    """Directions of each of them, more than are kept."""
    pcpca_share: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """Weight γ of the controls in PCPCA, as a share of the largest there can be."""
    guarded: NonNegativeInt = 3
    """Salient directions, the first ones, whose maps z may not read. Of more, whose contrast is chance, z would lose
    variation that is everybody's."""
    background_folds: NonNegativeInt = 4
    """Folds of the training participants whose held-out controls teach ``contrast`` what s reads of the background;
    0 leaves it in."""
    smallest_site: PositiveInt = 4
    """Training participants of a site below which it counts as one with the other small ones."""
    reference_rows: PositiveInt = 2
    """Leading axes of a borrowed reference that take part in finding z's, in multiples of z's units."""
    reference_weights: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.2, 0.5, 0.8, 0.95)
    """Weights of a borrowed reference beside own controls, of which their held-out likelihood chooses."""
    reference_shares: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.2, 0.4)
    """Components of a reference, as shares of its participants, whose variance smaller ones are given; likewise."""
    own_features: PositiveFloat = 10.0
    """Features a control up to which a ratio to own controls' covariance is considered, where one may borrow: with 156
    regions and 50 controls it serves better than the start, with 11,000 voxels and 125 worse (r .66 and .78), though it
    tells the groups as well."""
    choice_folds: Annotated[int, Field(ge=2)] = 5
    """Folds of the training participants in which the forms of the linear model are compared."""
    choice_repeats: PositiveInt = 2
    """How often they are dealt: at 100 participants one deal would decide by chance."""
    most_participants: Annotated[int, Field(ge=4)] = 1000
    """Beyond so many a sample is fitted, drawn with the seed: the maps of all would not fit into memory."""
    least_noise: PositiveFloat = 0.01
    """Least residual variance, in standardised units: the solution fits a tiny cohort exactly."""
    error_folds: Annotated[int, Field(ge=2)] = 4
    """Folds of the training participants in which the codes' error is measured; fewer people are fitted in each."""


class ModelConfig(Settings):
    """Sizes and parts of the network."""

    salient: NonNegativeInt = 8
    """Units of the salient space s (only patients)."""
    background: PositiveInt = 48
    """Units of the background space z (shared)."""
    trunk: Literal["patches", "convolutions"] = "patches"
    """What corrects the linear maps: layers on cut-out patches, shared by both spaces, or the study's convolutions."""
    patch: PositiveInt = 8
    """Edge of a patch, voxels; divides each side of the grid."""
    patch_features: PositiveInt = 32
    """Features of each patch."""
    channels: tuple[PositiveInt, ...] = (8, 16, 32, 64)
    """Filters of the strided convolutions; each halves the grid."""
    hidden: PositiveInt = 64
    """Units of the dense layer between patches, or convolutions, and latents."""
    start: Literal["contrast", "contrastive_pca", "pcpca", "pca", "ica", "random"] = "contrast"
    """Linear maps that start from one of `adhd_cvae.models.directions.METHODS`, or (random) none."""
    linear: LinearConfig = LinearConfig()
    first_log_variance: Annotated[float, Field(ge=-12, le=4)] = -4.0
    """Where posterior log variances start: codes nearly exact, so that the linear start is not drowned in noise."""
    correction: bool = True
    """A nonlinear correction of the linear maps; without it the network is linear."""
    condition_on_site: bool = False
    """The decoder takes the participant's site beside s and z, so that z need not hold it either: at the start no code
    reads what sites of `linear.smallest_site` participants differ in. A new site is decoded as the average one."""
    noise: Literal["learned", "fixed"] = "learned"
    """The reconstruction's noise variance."""
    output: Literal["identity", "sigmoid"] = "identity"
    """The decoder's last function; a sigmoid cannot pass 1, though modulated maps do."""

    def of_folds(self) -> "ModelConfig":
        """The linear model that folds are fitted with: the start alone; of a random one what `contrast` would be."""
        start = "contrast" if self.start == "random" else self.start
        return self.model_copy(update={"correction": False, "start": start})

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
    "salient_of_background": 0.0,
    "salient_spread_of_background": 0.0,
    "background_mmd": 0.0,
    "salient_mmd_of_background": 0.0,
    "classification": 0.0,
    "hsic": 0.0,
}
OBJECTIVES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "adhd_cvae": {},
        "vae": _NO_TERMS | {"salient_of": "everyone"},
        "cvae": _NO_TERMS | {"total_correlation": 1.0},
        "mm_cvae": _NO_TERMS | {"background_mmd": 1000.0, "salient_mmd_of_background": 100.0},
        "sepvae": _NO_TERMS
        | {"total_correlation": 1.0, "salient_of_background": 100.0, "classification": 10.0},
        "contrastive_vi": _NO_TERMS | {"salient_of_background": 100.0, "salient_spread_of_background": 100.0},
        "hsic": _NO_TERMS | {"salient_of_background": 100.0, "hsic": 100.0},
    }
)
"""What `objective.name` fills in where nothing is set; ``adhd_cvae`` leaves the defaults of `ObjectiveConfig`.

The terms are those of the papers, the weights are ours: the published ones (MM-cVAE: 10⁴ and 10³ beside errors
summed over voxels and participants) belong to other scales. Here each is in nats per participant, beside a
log-likelihood of `effective_voxels` = 1000 voxels.
"""
SET_BY_NAME = frozenset(_NO_TERMS)
"""Settings of the objective that its name decides."""


class ObjectiveConfig(Settings):
    """Weights of the loss terms; each term is a mean over participants or pairs, so that no batch size changes it."""

    name: Literal["adhd_cvae", "vae", "cvae", "mm_cvae", "sepvae", "contrastive_vi", "hsic"] = "adhd_cvae"
    """Method whose terms are used (`OBJECTIVES`); what is set beside it counts more."""
    effective_voxels: PositiveInt | None = 1000
    """Gray matter is smooth, so voxels are not independent observations: their summed log-likelihood is scaled as
    if there were this many; null counts each voxel."""
    beta: NonNegativeFloat = 1.0
    """Weight of the Kullback-Leibler terms."""
    salient_of: Literal["target", "everyone"] = "target"
    """Whose salient code is decoded: patients', or everyone's, as in a plain VAE (Kingma & Welling 2014)."""
    total_correlation: NonNegativeFloat = 1.0
    """Weight of the critic's total-correlation term (Abid & Zou 2019; SepVAE's mutual information)."""
    critic: Literal["nonlinear", "linear"] = "nonlinear"
    """The study's critic was linear, which cannot see dependence."""
    critic_hidden: PositiveInt = 64
    """Units of each of the nonlinear critic's two hidden layers."""
    salient_of_background: NonNegativeFloat = 100.0
    """Weight of half the squared length of controls' salient means: with 1/σ² it is their Kullback-Leibler
    divergence from N(0, σ²), up to the variance (SepVAE, Louiset et al. 2023); 100 is σ = 0.1."""
    salient_spread_of_background: NonNegativeFloat = 0.0
    """Weight of half the summed posterior variance of controls' s. As heavy as `salient_of_background`, both together
    are the squared Wasserstein distance from the point 0 (contrastiveVI, Weinberger et al. 2023) times half the
    weight."""
    background_mmd: NonNegativeFloat = 0.0
    """Weight of the squared maximum mean discrepancy, 0 to 2, between z of patients and of controls (MM-cVAE,
    Weinberger et al. 2022)."""
    salient_mmd_of_background: NonNegativeFloat = 0.0
    """Weight of the squared maximum mean discrepancy, 0 to 2, between controls' s and the point 0 (MM-cVAE)."""
    classification: NonNegativeFloat = 0.0
    """Weight of the cross-entropy of telling the groups from s by a linear classifier, nats; chance is 0.69
    (SepVAE)."""
    mmd_widths: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (0.01, 0.1, 1.0, 10.0, 100.0)
    """Widths of the discrepancies' Gaussian kernels, whose mean is taken, in units of the mean squared distance of two
    samples of the prior: from codes that hardly differ to ones far apart."""
    hsic: NonNegativeFloat = 0.0
    """Weight of the normalised Hilbert-Schmidt independence criterion, at most 1, of z and s in patients."""
    active_variance: NonNegativeFloat = 0.01
    """Variance of its posterior mean above which the history counts a unit as active, as `analysis.active_variance`
    does of the trained model."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, settings: Any) -> Any:
        """Add what the name says and nobody set; settings that are complete stay as they are."""
        if not isinstance(settings, dict):
            return settings
        return {**OBJECTIVES.get(str(settings.get("name")), {}), **settings}


class WarningsConfig(Settings):
    """From where on an epoch is warned of."""

    silent_nats: NonNegativeFloat = 0.1
    """A space whose posteriors say less than this about a participant has collapsed onto its prior."""
    critic_accuracy: Annotated[float, Field(ge=0.5, le=1)] = 0.95
    """The critic tells true from shuffled pairs with ease, ..."""
    critic_nats: NonNegativeFloat = 2.0
    """... or by this total correlation: the encoders do not hold it back."""
    exploded: Annotated[float, Field(gt=1)] = 10.0
    """A training loss this many times the start's size is a near divergence."""


class TrainingConfig(Settings):
    """The optimisation. Steps are paired batches of target and background."""

    epochs: NonNegativeInt = 60
    """At most, of the network with its nonlinear correction. With 0 the linear start is the model."""
    linear_epochs: NonNegativeInt = 100
    """At most, of the linear maps alone, before: cheap, and enough that the correction doesn't earn what they would."""
    batch_size: PositiveInt = 16
    """Participants of each group in a batch."""
    learning_rate: PositiveFloat = 1e-3
    linear_learning_rate: NonNegativeFloat = 1e-2
    """Learning rate of the linear start, as a share of the size of its weights."""
    train_salient: bool | None = None
    """Whether the means of s learn; null: only where they have no linear start, on which training does not improve."""
    gradient_clip: PositiveFloat = 1.0
    validation_fraction: Annotated[float, Field(ge=0, lt=0.9)] = 0.1
    """Share of those trained on that neither start nor steps see and that decides what is kept; who is held out never
    decides anything. With 0 the loss of those that steps are taken on decides."""
    validation_splits: PositiveInt = 3
    """How often another share is held back, so that what a step gains has a spread; with 1 none."""
    smallest_group: PositiveInt = 16
    """With fewer in a group, nobody is spared to decide what is kept: those trained on do."""
    patience: PositiveInt = 10
    """Epochs without a better held-out likelihood before a step ends."""
    lent_controls: NonNegativeFloat = 1.0
    """Maps of lending datasets that an epoch of the nonlinear step sees as further controls, at most, as a share of the
    fitted ones; 0 for none. With 1 the step gained two to four times as much on those held back."""
    critic_steps: PositiveInt = 2
    """Critic updates per update of the model."""
    warnings: WarningsConfig = WarningsConfig()
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    vae: bool = True
    """Also train the plain VAE, the comparison."""
    fold_models: Literal["same", "linear"] = "same"
    """What is fitted to those outside of each fold: the same training as for everybody, or, cheaply, the linear model
    alone that it starts from."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
