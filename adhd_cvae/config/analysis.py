"""Settings of the analysis."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from adhd_cvae.config.settings import Settings


class Variable(Settings):
    """A phenotype column and how two participants' values differ."""

    name: str
    scale: Literal["ratio", "nominal"]


class Claim(Settings):
    """Something a study says of a space: what it is related to, or that it forms one cluster."""

    space: Literal["salient", "background"]
    name: str = ""
    """What the space is said to be related to."""
    columns: tuple[str, ...] = ()
    """Analysed variables that may stand for it; the first that the cohort has does."""
    one_cluster: bool = False
    """The space is said to form one cluster instead."""

    @model_validator(mode="after")
    def _claims_one_thing(self) -> "Claim":
        if self.one_cluster == bool(self.columns) or bool(self.name) != bool(self.columns):
            raise ValueError("name and columns belong together; give them, or one_cluster: true, not both")
        return self


class SizesConfig(Settings):
    """From how many participants on something is given at all, and beyond how many some of it is drawn."""

    minimum: Annotated[int, Field(ge=3)] = 10
    """Participants below which no statistic is given."""
    minimum_class: PositiveInt = 5
    """Participants of a class below which the probes leave it out: one a fold."""
    minimum_patients: Annotated[int, Field(ge=3)] = 5
    """Patients, or controls, below which brain maps are neither tested nor split into components."""
    per_unit: PositiveInt = 5
    """Participants per unit and component below which a mixture's free covariance is not tested."""
    all_pairs: Annotated[int, Field(ge=3)] = 4000
    """Participants up to whom all pairs are related: about 1 GB a cell of rsa.tsv."""
    sampled_pairs: PositiveInt = 200_000
    """Pairs drawn where there are more participants: as many as 633 participants have."""
    sampled_levels: Annotated[int, Field(ge=2)] = 2000
    """Equal steps that a ratio variable with more values is rounded to where pairs are drawn: the table of their
    differences stays small."""
    partial: Annotated[int, Field(ge=3)] = 2000
    """Participants drawn for a partial tau where there are more than `all_pairs`: pairs of the same site cannot be
    drawn beforehand."""


class PartialConfig(Settings):
    """How site and covariates are held constant in a partial tau."""

    permutations: PositiveInt = 500
    """At most so many: residuals have no ties, so that each is dear."""
    neighbours: Annotated[int, Field(ge=2)] = 5
    """Participants of one site, next to each other in the first covariate (age), who are exchanged."""
    degree: PositiveInt = 4
    """Of the polynomial in each covariate's ranked difference that the ranks are freed of."""
    value_degree: PositiveInt = 2
    """Of the polynomial in each covariate that the values are freed of: with 1 a curve in age
    makes 59 % of empty relations significant, with 2 it is 6 %, and 3 costs participants."""
    levels: Annotated[int, Field(ge=2)] = 512
    """Levels of equal size that residuals are sorted into, which makes counting three times as fast."""


class SeparationConfig(Settings):
    """Classifiers that stand beside the spaces when patients are told from controls."""

    penalties: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
    """Inverse penalties C that ridge logistic regression on maps of mean squared length 1 chooses from."""
    inner_folds: Annotated[int, Field(ge=2)] = 5
    """Folds of the training part in which it chooses."""
    covariate_ridge: NonNegativeFloat = 0.01
    """Penalty of regressions on standardised covariates, per participant: enough where two of them are one."""


class MapsConfig(Settings):
    """What is read off the brain maps."""

    components: PositiveInt = 3
    """Most principal components of the salient effect."""
    traversal: Annotated[tuple[float, ...], Field(min_length=1)] = (-2.0, -1.0, 0.0, 1.0, 2.0)
    """Where each salient unit is decoded alone, in root mean squares of the patients' posterior means."""
    cluster_voxels: PositiveInt = 10
    """Voxels below which a cluster is not in the table of peaks."""
    label_distance: NonNegativeFloat = 6.0
    """A point that no label of the atlas covers is named after one this near, mm; two voxels of the common grid."""


class AnalysisConfig(Settings):
    """What is asked of the latents."""

    variables: tuple[Variable, ...] = ()
    batteries: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")], tuple[str, ...]] = Field(
        default_factory=dict
    )
    """Name of a new variable: columns whose first principal component it is (complete cases)."""
    claims: tuple[Claim, ...] = ()
    """What a study says, to be judged by this cohort; none: no table of claims."""
    permutations: PositiveInt = 5000
    """Of participants, for the p-values of relations."""
    dear_permutations: PositiveInt = 1000
    """At most so many where each repeats a longer computation: silhouettes, probes, HSIC, tests of voxels."""
    refits: PositiveInt = 199
    """Permutations of the groups, each of which fits the linear model of every fold again; twice with covariates."""
    claim_permutations: PositiveInt = 500
    """At most so many, and so many resamples, each time that a claim is asked again: p < 0.05 needs no more, and all
    checks together take less time than the table of relations."""
    permute_within: str | None = None
    """Column within whose levels participants are permuted, or null."""
    bootstraps: PositiveInt = 1000
    """Resamples of participants, for the intervals."""
    mixture_bootstraps: PositiveInt = 99
    """At most so many samples of one Gaussian, each fitted as the data are."""
    draws: PositiveInt = 10
    """Posterior samples per participant."""
    max_components: PositiveInt = 10
    """Largest number of mixture components tried."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Of cross-validation, in probes and recovery."""
    fold_shuffles: PositiveInt = 5
    """Shuffles of the folds that a score of recovery is the mean of."""
    active_variance: NonNegativeFloat = 0.01
    """Variance of its posterior mean above which a unit is active (Burda et al. 2016, arXiv 1509.00519)."""
    umap_neighbours: Annotated[int, Field(ge=2)] = 15
    """Neighbours that UMAP keeps near, and that the trustworthiness of its map is asked of."""
    out_of_distribution: Annotated[float, Field(gt=0, le=100)] = 99.0
    """Percentile of the training participants' distances beyond which a map counts as unlike theirs."""
    sizes: SizesConfig = SizesConfig()
    partial: PartialConfig = PartialConfig()
    maps: MapsConfig = MapsConfig()
    separation: SeparationConfig = SeparationConfig()
    atlas: str | None = None
    """NIfTI file of whole-number labels in MNI space that names the peaks, with BIDS' ``dseg.tsv`` beside it."""
