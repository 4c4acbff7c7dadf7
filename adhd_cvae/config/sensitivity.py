"""Settings of known effects that are planted into a lab's own controls, to see what would have been found."""

from typing import Annotated

from pydantic import Field, PositiveInt, model_validator

from adhd_cvae.config.settings import Settings


class Region(Settings):
    """Where gray matter is lost: around centres, or where a segmentation has some labels."""

    centres: tuple[tuple[float, float, float], ...] = ()
    """MNI mm; the loss is largest there."""
    radius: Annotated[float, Field(gt=0)] = 6.0
    """Standard deviation of the loss around a centre, mm."""
    labels: tuple[PositiveInt, ...] = ()
    """Of `SensitivityConfig.dseg`, in which the loss is even."""

    @model_validator(mode="after")
    def _is_somewhere(self) -> "Region":
        if bool(self.centres) == bool(self.labels):
            raise ValueError("expected centres, or labels of sensitivity.dseg, and not both")
        return self


# Effects that ENIGMA found in children with ADHD are in these structures (Hoogman et al. 2017, doi
# 10.1016/S2215-0366(17)30049-4); the striatum's centres are those of Di Martino et al. 2008, doi 10.1093/cercor/bhn041.
_STRIATUM = Region(centres=((-9, 9, -8), (9, 9, -8), (-13, 15, 9), (13, 15, 9), (-28, 1, 3), (28, 1, 3)))
"""Accumbens (inferior ventral striatum), dorsal caudate and dorsal caudal putamen, left and right."""
_AMYGDALA = Region(centres=((-23, -1, -17), (27, 1, -18)))
"""Where the AAL atlas has its centres of mass (Tzourio-Mazoyer et al. 2002, doi 10.1006/nimg.2001.0978)."""


class SensitivityConfig(Settings):
    """What `adhd-cvae sensitivity` plants, and in how many cohorts."""

    severities: dict[str, Region] = Field(
        default={"striatum": _STRIATUM, "amygdala": _AMYGDALA}, min_length=1
    )
    """Name to where it takes gray matter; each varies from patient to patient."""
    dseg: str | None = None
    """Discrete segmentation in the space of the maps, whose labels regions may name."""
    subtypes: bool = False
    """Whether a patient has one of the severities alone, and not all."""
    cohens_d: tuple[Annotated[float, Field(gt=0, le=3)], ...] = (0.2, 0.35, 0.5, 0.8, 1.2)
    """Mean losses that are planted, in controls' standard deviations of the regional volume."""
    fractions: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.5, 1.0)
    """Of the cohort that can be made of the controls."""
    cohorts: Annotated[int, Field(ge=5)] = 40
    """Of each effect and size: 40 leave a share of one half uncertain by 0.15."""
    null_cohorts: Annotated[int, Field(ge=20)] = 200
    """With nothing planted: 200 leave a share of 5 % uncertain by 3 %."""
    refits: Annotated[int, Field(ge=19)] = 19
    """Permutations that fit every fold's model again in each cohort: the fewest that can say p = 0.05, all that is
    asked."""
    permutations: Annotated[int, Field(ge=19)] = 199
    """Of tests that fit nothing again."""
    fewest_controls: Annotated[int, Field(ge=12)] = 16
    """Below which no cohort is made of them: folds would leave models two or three pseudo-patients."""
    usual_controls: PositiveInt = 40
    """Below which it is said that they are few."""

    def first_answer(self) -> "SensitivityConfig":
        """Every second effect, all controls, and fewer cohorts: shares are uncertain by 0.2, that of 5 % by 0.07."""
        few = {"cohorts": min(self.cohorts, 20), "null_cohorts": min(self.null_cohorts, 40)}
        return self.model_copy(
            update={
                **few,
                "cohens_d": self.cohens_d[1::2] or self.cohens_d,
                "fractions": (max(self.fractions),),
            }
        )
