"""Options that make the groups comparable before anyone trains: who stays, and a line for everyone who goes."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.names import BACKGROUND, EXCLUSION_COLUMNS, TARGET

STAGE = "balance"
Line = tuple[str, str, str, str]
Kept = tuple[pd.DataFrame, list[Line]]


def is_asked(settings: CohortConfig) -> bool:
    """Tell whether any option to balance is set."""
    return settings.drop_one_group_sites or bool(settings.match) or settings.max_ratio is not None


def balance_cohort(
    table: pd.DataFrame, settings: CohortConfig, nominal: Sequence[str], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Drop sites of one group, match patients with controls, cap the ratio: what the settings ask, in this order.

    Parameters
    ----------
    table
        One row a participant, with `participant_id` and `group`.
    nominal
        Columns matched exactly; the others of ``settings.match`` are matched by distance. The site is nominal.
    seed
        Decides who goes where a group is over the ratio.

    Returns
    -------
    kept
        Rows of `table` in their order, a new index.
    exclusions
        `participant_id`, `stage` (``balance``), `reason` (``one_group_site``, ``unmatched`` or ``over_ratio``) and
        `detail` of everyone else.

    Raises
    ------
    InputError
        A column that is asked for is not there or holds no numbers, or nobody of a group is left.
    """
    _check_columns(table, settings, nominal)
    lines: list[Line] = []
    for asked, step in _steps(settings, nominal, seed):
        if asked:
            table, gone = step(table)
            lines += gone
    exclusions = pd.DataFrame(lines, columns=list(EXCLUSION_COLUMNS))
    for group in (TARGET, BACKGROUND):
        if lines and group not in set(table["group"]):
            reasons = ", ".join(f"{one} {n}" for one, n in exclusions["reason"].value_counts().items())
            raise InputError(
                f"balancing leaves nobody in the {group} group ({reasons}). Ask for less: "
                "cohort.drop_one_group_sites, cohort.match, cohort.caliper, cohort.max_ratio."
            )
    return table.reset_index(drop=True), exclusions


def _steps(
    settings: CohortConfig, nominal: Sequence[str], seed: int
) -> Iterator[tuple[bool, Callable[[pd.DataFrame], Kept]]]:
    site = settings.site
    # Matching across sites could make new sites of one group out of the sites that were kept.
    columns = [*settings.match, *([site] if site and settings.drop_one_group_sites else [])]
    exact = sorted({name for name in columns if name in nominal or name == site})
    near = sorted(set(columns) - set(exact))
    yield settings.drop_one_group_sites, lambda table: _drop_one_group_sites(table, str(site))
    yield bool(settings.match), lambda table: _match(table, exact, near, settings.caliper)
    ratio = settings.max_ratio
    yield ratio is not None, lambda table: _cap(table, site, ratio or 1.0, seed)


def _check_columns(table: pd.DataFrame, settings: CohortConfig, nominal: Sequence[str]) -> None:
    found = ", ".join(map(str, table.columns))
    problems = [
        f"cohort.match names '{name}', which the phenotype does not have (found: {found})."
        for name in settings.match
        if name not in table
    ]
    problems += [
        f"cohort.match names '{name}', which holds text, not numbers. Give its codes Levels in the table's JSON, or "
        "call it nominal under analysis.variables, to match it exactly."
        for name in settings.match
        if name in table and name != settings.site and name not in nominal
        and not pd.api.types.is_numeric_dtype(table[name])
    ]  # fmt: skip
    if settings.drop_one_group_sites and (settings.site is None or settings.site not in table):
        problems.append(
            f"cohort.drop_one_group_sites needs a site, and there is no column '{settings.site}' (found: {found})."
        )
    if problems:
        raise InputError(*problems)


def _drop_one_group_sites(table: pd.DataFrame, site: str) -> Kept:
    """Leave out whoever comes from a site that has patients only or controls only; an unknown site stays."""
    groups = table.groupby(site)["group"].transform("nunique")
    alone = (groups == 1) & table[site].notna()
    lines = [
        (
            str(name),
            STAGE,
            "one_group_site",
            f"{site} {code} has no participant of the other group than {group}",
        )
        for name, code, group in table.loc[alone, ["participant_id", site, "group"]].itertuples(index=False)
    ]
    return pd.DataFrame(table[~alone]), lines


def _match(table: pd.DataFrame, exact: list[str], near: list[str], caliper: float) -> Kept:
    """Pair patients with controls one to one: as many pairs as there can be, then the nearest ones.

    Pairs agree in the `exact` columns and differ by at most `caliper` standard deviations in each `near` one.
    """
    where = [f"the same {name}" for name in exact] + [f"{name} within {caliper:g} SD" for name in near]
    reasons = dict.fromkeys(table.index, f"nobody of the other group left with {', '.join(where)}")
    known = table[[*exact, *near]].notna().all(axis=1)
    for row in table.index[~known]:
        empty = [name for name in [*exact, *near] if pd.isna(table.loc[row, name])]
        reasons[row] = f"no value of {', '.join(empty)}"
    complete = pd.DataFrame(table[known])
    spread = {
        name: float(np.std(complete[name].to_numpy(float), ddof=1)) or 1.0
        for name in near
        if len(complete) > 1
    }
    scaled = pd.DataFrame(
        {name: complete[name].astype(float) / size for name, size in spread.items()}, index=complete.index
    )
    strata = [part.index for _, part in complete.groupby(exact)] if exact else [complete.index]
    for rows in strata:
        for row in _pairs(scaled.loc[rows], complete.loc[rows, "group"] == TARGET, caliper):
            del reasons[row]
    lines = [
        (str(table.loc[row, "participant_id"]), STAGE, "unmatched", reason) for row, reason in reasons.items()
    ]
    return pd.DataFrame(table.drop(index=list(reasons))), lines


def _pairs(scaled: pd.DataFrame, is_target: pd.Series, caliper: float) -> list[object]:
    """Give the index labels of everyone who finds a partner."""
    sides = [scaled[is_target], scaled[~is_target]]
    difference = np.abs(sides[0].to_numpy()[:, None, :] - sides[1].to_numpy()[None, :, :])
    distance: np.ndarray = np.sqrt((difference**2).sum(axis=2))
    allowed: np.ndarray = np.all(difference <= caliper, axis=2)
    # A forbidden pair costs more than all allowed ones together, so that as few as possible are taken.
    forbidden = 1.0 + distance[allowed].max(initial=0.0) * min(distance.shape, default=0)
    chosen = linear_sum_assignment(np.where(allowed, distance, forbidden))
    pairs = [pair for pair in zip(*chosen, strict=True) if allowed[pair]]
    return [side.index[place] for pair in pairs for side, place in zip(sides, pair, strict=True)]


def _cap(table: pd.DataFrame, site: str | None, ratio: float, seed: int) -> Kept:
    """Leave out, at random, who is over `ratio` times the smaller group of the same site.

    A site with one group has no ratio and stays as it is.
    """
    rng = np.random.default_rng(seed)
    sites = (
        table[site].astype(str) if site is not None and site in table else pd.Series("", index=table.index)
    )
    lines: list[Line] = []
    gone: list[object] = []
    for name, rows in sorted(table.groupby(sites).groups.items(), key=lambda item: str(item[0])):
        groups = [rows[(table.loc[rows, "group"] == group).to_numpy()] for group in (TARGET, BACKGROUND)]
        smaller, larger = sorted(groups, key=len)
        allowed = int(np.floor(ratio * len(smaller)))
        if not len(smaller) or len(larger) <= allowed:
            continue
        removed = sorted(rng.permutation(len(larger))[allowed:])
        gone += [larger[place] for place in removed]
        place = f" at {site} {name}" if name else ""
        detail = (
            f"{len(larger)} to {len(smaller)}{place}; at most {ratio:g} to 1 stay, drawn with seed {seed}"
        )
        lines += [
            (str(table.loc[larger[one], "participant_id"]), STAGE, "over_ratio", detail) for one in removed
        ]
    return pd.DataFrame(table.drop(index=gone)), lines
