"""All that is guessed of a dataset: groups, sites, covariates, variables, batteries, and what its maps are."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from adhd_cvae.names import BACKGROUND, TARGET
from bids_adapters.cohort import OWN_COLUMNS, Cohort
from bids_adapters.guesses.batteries import complete, guess_batteries
from bids_adapters.guesses.columns import RATIO, Column, as_text, look_at, scale_of
from bids_adapters.guesses.groups import GroupGuess, guess_group
from bids_adapters.head_size.measures import TIV
from bids_adapters.images.kind import Kind
from bids_adapters.phenotype.derived import DERIVED_FROM
from bids_adapters.summary import why_left_out

_SITE = re.compile(
    r"(?:\w+_)?(?:site|scanner|cent(?:er|re)|institut(?:ion|e)|hospital|clinic|magnet)s?(?:_(?:id|name|no))?"
)
_MACHINE = re.compile(r"(?:\w+_)?(?:manufacturer|vendor|field_?strength|coil|protocol|software)\w*")
_AGE = re.compile(r"age(?:_\w+)?|\w+_age")
_IMPUTED = 0.05
"""Share of the participants that may lack a covariate which is imputed; without it, one gap would drop sex for all."""
_INSTRUMENT = re.compile(r"\w+_measure")


@dataclass(frozen=True)
class DatasetGuesses:
    """What a recipe for a dataset is written from.

    Attributes
    ----------
    participants
        Those with a map.
    columns
        Every phenotype column that was looked at.
    site
        Column of the sites; empty where there is none.
    by_site
        Patients and controls of each site.
    machines
        Columns that say something of the scanner and are not taken for the site.
    covariates
        Columns to be held constant, known for nearly everybody of the two groups.
    gaps
        The usual ones that some lack, with the number of who does.
    head_size
        Where it is from, in words; empty where there is none.
    scales
        Variable to its scale, empty where it is no variable, and why.
    batteries
        Name to columns, and how many have all of them.
    kind, sessions
        How all maps were made, and of which sessions they are.
    left_out
        Reasons for which somebody is not in the cohort.
    """

    participants: int
    columns: Mapping[str, Column]
    group: GroupGuess
    site: str = ""
    by_site: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    machines: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    gaps: Mapping[str, int] = field(default_factory=dict)
    head_size: str = ""
    tiv_source: str = ""
    scales: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    batteries: Mapping[str, tuple[tuple[str, ...], int]] = field(default_factory=dict)
    kind: Kind | None = None
    sessions: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


def guess_dataset(cohort: Cohort) -> DatasetGuesses:
    """Guess from a cohort whose groups nobody named (`build_cohort` with `require_groups` false)."""
    table = pd.DataFrame(cohort.table.drop(columns=[name for name in OWN_COLUMNS if name in cohort.table]))
    columns = look_at(table, cohort.columns)
    group, site = guess_group(columns), _site(columns)
    sides = _sides(table, group)
    analysed = pd.DataFrame(table[sides != ""] if group.target else table)
    wanted = _usual(columns)
    pending = {TIV} if cohort.volumes else set()  # sums of maps, which nobody has read yet
    gaps = {name: [*pd.Series(analysed[name]).isna()].count(True) for name in wanted if name not in pending}
    varied = [name for name in wanted if name in pending or len(columns[name].counts) > 1]
    entry = cohort.columns.get(TIV, {})
    return DatasetGuesses(
        participants=len(table),
        columns=columns,
        group=group,
        site=site,
        by_site={} if not site else _by_site(pd.Series(table[site]), sides),
        machines=tuple(name for name in columns if _MACHINE.fullmatch(name) and name != site),
        covariates=tuple(name for name in varied if gaps.get(name, 0) <= _IMPUTED * len(analysed)),
        gaps={name: gap for name, gap in gaps.items() if gap},
        head_size=str(entry.get("Origin", "")),
        tiv_source=str(entry.get("Source", "")),
        scales=_scales(columns, group.column),
        batteries={
            name: (items, complete(table, items)) for name, items in guess_batteries(table, columns).items()
        },
        kind=cohort.kind,
        sessions=Counter(cohort.sessions.get(str(one), "") for one in table["participant_id"]),
        left_out=why_left_out(cohort),
    )


def _site(columns: Mapping[str, Column]) -> str:
    """Find the column of sites: of several values, each of several participants."""
    found = [
        one for one in columns.values() if _SITE.fullmatch(one.name) and 2 <= len(one.counts) <= one.known / 2
    ]
    return max(found, key=lambda one: (one.name == "site", one.known)).name if found else ""


def _sides(table: pd.DataFrame, group: GroupGuess) -> pd.Series:
    """Give everybody's group by a guess; empty for neither."""
    if not group.column:
        return pd.Series("", index=table.index)
    of_value = dict.fromkeys(group.target, TARGET) | dict.fromkeys(group.background, BACKGROUND)
    values = ["" if pd.isna(value) else as_text(value) for value in table[group.column]]
    return pd.Series([of_value.get(value, "") for value in values], index=table.index)


def _by_site(sites: pd.Series, sides: pd.Series) -> dict[str, tuple[int, int]]:
    counts = {
        str(name): ([*mine].count(TARGET), [*mine].count(BACKGROUND))
        for name, mine in sides.groupby(sites.astype(str).where(sites.notna()))
    }
    return dict(sorted(counts.items(), key=lambda one: -sum(one[1])))


def _usual(columns: Mapping[str, Column]) -> list[str]:
    """Name the columns of age, sex and head size that there are."""
    ages = [one.name for one in columns.values() if one.is_number and _AGE.fullmatch(one.name)]
    age = ["age"] if "age" in ages else ages[:1]
    return [*age, *(name for name in ("sex", TIV) if name in columns)]


def _scales(columns: Mapping[str, Column], group: str) -> dict[str, tuple[str, str]]:
    """Guess the scale of every column; what another one says better is none."""
    found = {name: scale_of(one) for name, one in columns.items()}
    for name in columns:
        better = (
            f"{name}_z" if DERIVED_FROM.get(f"{name}_z") == (name,) else ""
        )  # an IQ has one scale whatever measured it
        if better in columns:
            found[name] = "", f"on the scales of several instruments; {better} is within each"
        elif _INSTRUMENT.fullmatch(name):
            found[name] = "", "names an instrument"
    if group and found[group][0] == RATIO:
        found[group] = "nominal", f"the groups: {columns[group].counted()}"
    return found
