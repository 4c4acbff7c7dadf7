"""Settings of the cohort."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from adhd_cvae.config.settings import Settings

LEAVE_SITE_OUT = "leave_site_out"
"""Of `cohort.folds`: a fold is a site."""
TivSource = Literal["auto", "phenotype", "cat12", "freesurfer", "spm", "smriprep", "total_gray_matter"]


class CohortConfig(Settings):
    """Who is a patient, who is a control, and who is held out."""

    group: str = "dx"
    """Phenotype column that tells target from background."""
    target: tuple[bool | int | float | str, ...] = (1, 2, 3)
    """Codes of patients. YAML reads Yes as true and 1.0 as a number: they meet what the table writes."""
    background: tuple[bool | int | float | str, ...] = (0,)
    """Codes of controls."""
    site: str | None = "site"
    """Column of the scanning site; null where there was one."""
    folds: int | Literal["leave_site_out"] = 5
    """Parts that everybody is dealt into, site × group kept in proportion, each held out once; at most as many as the
    smaller group has participants. Or each site held out in turn."""
    fold_groups: str | None = None
    """Column that names who is held out together: a family, or one participant under several names."""
    covariates: tuple[str, ...] | None = None
    """Columns held constant, beside the site, where groups are compared and relations asked for; null: those of age,
    sex and head size (tiv) that are known for everybody."""
    missing_covariates: Literal["refuse", "impute"] = "refuse"
    """What becomes of a covariate that some lack: nothing is fitted, or they are given the median, or the commonest
    code, of those fitted."""
    age_trend: Literal["linear", "quadratic", "cubic", "spline"] = "linear"
    """Form in which age is held constant."""
    residualise: bool = False
    """Take the covariates' effects, fitted beside the group's, from the maps before any model sees them."""
    harmonise: Literal["none", "combat"] = "none"
    """Bring sites to one mean and spread before any model sees the maps, by ComBat fitted in each fold anew."""
    smallest_site: Annotated[int, Field(ge=3)] = 4
    """Training participants of a site below which harmonisation takes it for the average site."""
    combat_block: Annotated[int, Field(ge=0)] = 16
    """Leading axes of the maps that share one distribution of sites' effects in ComBat; each next block has twice as
    many; 0: all axes share one, as published for voxels. Sites differ along leading axes most: shared with hundreds
    of others, their differences there are shrunk to half and stay in z. First blocks of 2 to 16 did alike."""
    new_site_controls: Annotated[int, Field(ge=3)] = 15
    """Controls of a site that a model has not met from which on its mean and spread are learnt. With 15 its codes are
    nearer than the average site's to what many controls give at each simulated site, with 10 at two of three, with 5
    farther off."""
    background_from: tuple[str, ...] = ()
    """Healthy anatomy from elsewhere that linear models may borrow, where it tells the groups better: BIDS directories,
    folders that ``adhd-cvae background`` made, or registered models. Nobody of theirs is compared with anybody."""
    background_common: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Share of the cohort's mask that what is borrowed must have: voxels that it lacks are lost to every model."""
    background_members: Annotated[float, Field(ge=0, le=1)] = 0.01
    """P-value (Fisher's exact test) below which more controls than patients look like participants of what is borrowed,
    which is then refused: those in both make significance out of nothing."""
    background_same: Annotated[float, Field(gt=0, le=1)] = 0.55
    """Correlation of two maps from which on they are one participant's, in a lending dataset and in the cohort. Made
    otherwise, one has 0.59 and more; of real people, 1 in 250 has as much with another one, and is left out too."""
    background_same_axes: PositiveInt = 100
    """Leading axes of both, each given one variance, along which maps are correlated: along 20, different people are
    more alike than one prepared twice."""
    drop_one_group_sites: bool = False
    """Leave out sites that have patients only or controls only."""
    match: tuple[str, ...] = ()
    """Columns (age, sex, site …) in which each patient is paired with one control: codes agree, numbers are near."""
    caliper: PositiveFloat = 0.25
    """Widest difference of a pair in a numeric column of `match`, in the column's standard deviations."""
    max_ratio: Annotated[float, Field(ge=1)] | None = None
    """Cap on a site's larger group, in multiples of its smaller one; who goes is drawn with the seed."""
    minimum_group: Annotated[int, Field(ge=2)] = 4
    """Participants of a group below which nothing can be held out."""
    kind_coverage: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of the participants with any map that a kind of map must have to be preferred: a better kind that many lack
    would make the cohort small."""
    foreign_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Share of a column's values that ADHD-200's code book cannot read, from which on the column is taken to be another
    study's."""
    tiv_source: TivSource = "auto"
    """Where head size (`tiv`) is from, one source for everybody; auto: the one that most have, in the order of the
    list. Total gray matter is never auto: it takes away an effect of patients that is everywhere."""
    tiv_bounds: tuple[PositiveFloat, PositiveFloat] = (500, 2500)
    """Least and largest head size in ml that is one: adults have 1000 to 2000, and what is outside was misread."""

    @field_validator("tiv_bounds")
    @classmethod
    def _ordered(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        if bounds[0] >= bounds[1]:
            raise ValueError("expected the least head size before the largest")
        return bounds

    @field_validator("folds", mode="before")
    @classmethod
    def _can_be_held_out(cls, folds: Any) -> Any:
        """One line for both forms; a union's errors would be a line for each."""
        if folds != LEAVE_SITE_OUT and (not isinstance(folds, int) or folds < 2):
            raise ValueError(f"expected a whole number from 2 on, or {LEAVE_SITE_OUT}")
        return folds

    @model_validator(mode="after")
    def _borrows_for_maps_as_they_are(self) -> "CohortConfig":
        if self.background_from and self.adjusts:
            keys = {"harmonise": self.harmonise != "none", "residualise": self.residualise}
            named = " and ".join(key for key, asked in keys.items() if asked)
            raise ValueError(
                f"background_from borrows anatomy learnt from maps as they are, and {named} changes this cohort's; "
                "expected one of them"
            )
        return self

    @property
    def adjusts(self) -> bool:
        """Whether anything is taken from the maps before a model sees them."""
        return self.residualise or self.harmonise != "none"

    @property
    def adjusting(self) -> tuple[str, ...]:
        """Keys of a recipe that decide what is taken from the maps; none where nothing is."""
        names = (
            "harmonise",
            "residualise",
            "covariates",
            "missing_covariates",
            "age_trend",
            "smallest_site",
            "combat_block",
            "site",
        )
        return tuple(f"cohort.{name}" for name in names) if self.adjusts else ()
