"""The kinds of cohort that are simulated, one thing at a time moved from a middle."""

from itertools import product
from typing import Literal, NamedTuple, get_args

from adhd_cvae.simulation.cohort import SimulationConfig

RESOLUTION = 6
"""Voxel edge of the simulated maps, mm."""
Size = Literal["quick", "full", "curved", "borrowed", "mismatched"]


class Condition(NamedTuple):
    """What kind of cohort; the defaults are the middle of the grid."""

    cohens_d: float = 0.8
    n: int = 250
    severities: int = 2
    subtypes: int = 0
    confounding: float = 0.3
    population: int = 0
    null: bool = False
    truth: Literal["linear", "arc", "product"] = "linear"
    lent: Literal["alike", "smoothed", "population", "scanners", "older", "copies"] = "alike"
    """How healthy people elsewhere, whom some methods borrow from, differ from the cohort's."""
    new: int = 0
    """Participants beside, who are held out; where there are none, a share of `n` is."""
    cohort: str = "simulated"
    """Whose maps: simulated ones, or those of a planted cohort of this name."""

    def simulation(self, seed: int, participants: int | None = None) -> SimulationConfig:
        """Settings of the simulator."""
        return SimulationConfig(
            participants=participants or self.n + self.new,
            seed=seed,
            cohens_d=self.cohens_d,
            severities=self.severities,
            subtypes=self.subtypes,
            site_confound=self.confounding,
            population=self.population,
            null=self.null,
            truth=self.truth,
            resolution=RESOLUTION,
        )


class Cell(NamedTuple):
    """One cohort: a kind and the seed that draws it, who is held out and every method's start."""

    condition: Condition
    seed: int

    @property
    def columns(self) -> dict[str, object]:
        """What each row of the table says of it."""
        return {**self.condition._asdict(), "seed": self.seed}

    @property
    def key(self) -> str:
        """Name of its file; what is usual of the last ones is not named, as in folders from before these were."""
        settings = self.columns | {"null": int(self.condition.null)}
        later = {name: settings.pop(name) for name in ("truth", "lent", "new", "cohort")}
        name = "_".join(f"{name.replace('_', '')}-{value:g}" for name, value in settings.items())
        usual = Condition._field_defaults
        return name + "".join(f"_{one}-{value}" for one, value in later.items() if value != usual[one])


MIDDLE, NULL = Condition(), Condition(null=True)
QUICK = (MIDDLE, MIDDLE._replace(n=100), NULL)
FULL = (
    MIDDLE,
    *(MIDDLE._replace(cohens_d=effect) for effect in (0.2, 0.35, 0.5, 1.4)),
    *(MIDDLE._replace(n=participants) for participants in (100, 500)),
    *(MIDDLE._replace(severities=count) for count in (1, 3)),
    *(MIDDLE._replace(confounding=share) for share in (0.0, 0.6)),
    *(MIDDLE._replace(cohens_d=effect, subtypes=3) for effect in (0.8, 1.4)),
    *(MIDDLE._replace(cohens_d=effect, population=1) for effect in (0.35, 0.5, 0.8, 1.4)),
    NULL,
)
"""One thing at a time is moved from the middle: the full factorial would be 189 kinds of cohort."""
CURVED = tuple(
    MIDDLE._replace(cohens_d=1.4, n=participants, severities=severities, truth=truth)
    for truth, severities in (("linear", 2), ("arc", 1), ("product", 2))
    for participants in (250, 1000, 2000)
)
"""Where depth may win: an effect that is plain, so that what a straight line misses is not lost in noise."""
_CLINIC = MIDDLE._replace(new=400)
BORROWED = (
    *(
        _CLINIC._replace(cohens_d=effect, n=participants, population=population)
        for population in (0, 1)
        for participants in (100, 250)
        for effect in (0.2, 0.35, 0.5, 0.8)
    ),
    *(_CLINIC._replace(cohens_d=effect, subtypes=3) for effect in (0.8, 1.4)),
)
"""Where borrowing may help: small effects in small clinics, and subtypes."""
MISMATCHED = tuple(
    _CLINIC._replace(cohens_d=effect, n=participants, lent=lent)
    for lent in get_args(Condition.__annotations__["lent"])[1:]
    for participants in (100, 250)
    for effect in (0.35, 0.8)
)
"""Lenders who are not like the cohort's own."""
SEEDS = {"quick": 1, "full": 5, "curved": 3, "borrowed": 5, "mismatched": 5}
NULL_SEEDS = {"quick": 1, "full": 4, "curved": 0, "borrowed": 0, "mismatched": 0}
"""Times as many seeds for the null: a rate of false positives needs many cohorts."""


def grid(seeds: int | None = None, *, size: Size, planted: Condition | None = None) -> list[Cell]:
    """Cells of one of the grids, or of a planted cohort alone; all conditions of a seed before the next seed."""
    if planted is not None:
        return [Cell(planted, seed) for seed in range(seeds or SEEDS[size])]
    kinds: dict[str, tuple[Condition, ...]] = {
        "quick": QUICK, "full": FULL, "curved": CURVED, "borrowed": BORROWED, "mismatched": MISMATCHED,
    }  # fmt: skip
    count = seeds or SEEDS[size]
    cells = [Cell(condition, seed) for seed, condition in product(range(count), kinds[size])]
    return cells + [Cell(NULL, seed) for seed in range(count, count * NULL_SEEDS[size])]
