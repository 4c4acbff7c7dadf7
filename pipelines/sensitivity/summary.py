"""Tables of what cohorts made of controls show: how often effects are found, the smallest, and false positives."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest, norm, t
from sklearn.isotonic import IsotonicRegression

from adhd_cvae.analysis.group_measures import AUC, BEYOND
from adhd_cvae.analysis.refits import BOTH
from adhd_cvae.names import ALPHA, BACKGROUND, ENOUGH, SALIENT
from pipelines.output_dir.tables import FALSE_POSITIVES, POWER, SMALLEST
from pipelines.sensitivity.chain import DICE, MAPS, R

_SHOWN = {(AUC, SALIENT), (AUC, BACKGROUND), (AUC, BOTH), (R, SALIENT), (DICE, MAPS)}
"""Measures and spaces of which power is shown."""
_SLOPES = np.append(0, np.geomspace(1e-3, 10, 400))
"""Probits a unit of d · √n, from no effect being found to all of them, 2 % apart."""
_RESAMPLES, _LINES = 400, 100
"""For an interval; fewer where a line is fitted to each."""
Row = dict[str, Any]


class Curve(NamedTuple):
    """How many cohorts found an effect, by its size and theirs; one measure."""

    cohens_d: NDArray[np.float64]
    n: NDArray[np.float64]
    found: NDArray[np.float64]
    cohorts: NDArray[np.int64]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Curve":
        """Of a table's rows; kinds of cohort in the order of effect and size."""
        kinds, places = np.unique(rows[["cohens_d", "n"]].to_numpy(float), axis=0, return_inverse=True)
        significant = (rows["p_value"] <= ALPHA).to_numpy()
        counts = (
            np.bincount(places.ravel(), minlength=len(kinds), weights=one) for one in (significant, None)
        )
        return cls(kinds[:, 0], kinds[:, 1], *(one.astype(int) for one in counts))

    def resampled(self, rng: np.random.Generator) -> "Curve":
        """With shares that so many cohorts might have come of, Jeffreys' prior: also where all or none found theirs."""
        return self._replace(found=self.cohorts * rng.beta(self.found + 0.5, self.cohorts - self.found + 0.5))


class Line(NamedTuple):
    """Probits of finding an effect, along d · √n from that of 5 % where there is none, as of a test of two means."""

    slope: float

    @classmethod
    def of(cls, curve: Curve) -> "Line":
        """The likeliest one that does not fall."""
        along = curve.cohens_d * np.sqrt(curve.n)
        probits = norm.ppf(ALPHA) + _SLOPES[:, None] * along
        likelihoods = norm.logcdf(probits) @ curve.found + norm.logsf(probits) @ (curve.cohorts - curve.found)
        return cls(float(_SLOPES[np.argmax(likelihoods)]))

    def chance(self, effects: NDArray[np.float64], n: float) -> NDArray[np.float64]:
        """That effects are found in `n` participants."""
        return norm.cdf(norm.ppf(ALPHA) + self.slope * effects * np.sqrt(n))

    def crossing(self, n: float) -> float:
        """Effect that `ENOUGH` of cohorts of `n` participants find."""
        return float((norm.ppf(ENOUGH) - norm.ppf(ALPHA)) / (max(self.slope, 1e-6) * np.sqrt(n)))


def tables(cells: pd.DataFrame, n: int, lent: int) -> dict[str, pd.DataFrame]:
    """`power`, `smallest` and `false_positives`.

    Parameters
    ----------
    cells
        Rows of `chain.measured` with the columns of their cell.
    n
        Participants of the cohort whose controls they are made of, to which power is extrapolated.
    lent
        Participants of what is borrowed.
    """
    known = cells.assign(borrowed=np.where(cells["borrows"], lent, 0)).dropna(subset="p_value")
    power, smallest, false_positives = [], [], []
    for kind, part in _parts(known, "effect", "space", "measure", "borrowed"):
        if (kind["measure"], kind["space"]) in _SHOWN:
            power += [kind | row for row in (*_measured(part), *_extrapolated(part, n))]
            smallest += [kind | row for row in _smallest(part, n)]
        nothing = pd.DataFrame(part[part["cohens_d"] == 0])
        test = in_words(kind["effect"], kind["space"], kind["measure"])
        false_positives += [kind | {"test": test} | _share(nothing, "below", "ci")] if len(nothing) else []
    return {
        "power": pd.DataFrame(power, columns=list(POWER.columns)),
        "smallest": pd.DataFrame(smallest, columns=list(SMALLEST.columns)),
        "false_positives": pd.DataFrame(false_positives, columns=list(FALSE_POSITIVES.columns)),
    }


def in_words(effect: str, space: str, measure: str) -> str:
    """A test by the name that readers know it by."""
    if measure == DICE:
        return "group map, any voxel"
    if measure == R:
        return f"severity in {effect}"
    beyond = " beyond covariates" if measure == BEYOND else ""
    return f"AUC of {space}{beyond}"


def _parts(rows: pd.DataFrame, *columns: str) -> Iterator[tuple[Row, pd.DataFrame]]:
    """Rows of each combination of values, in the order in which they come."""
    for values, part in rows.groupby(list(columns), sort=False):
        yield dict(zip(columns, cast("tuple[Any, ...]", values), strict=True)), part


def _share(part: pd.DataFrame, name: str, ends: str) -> Row:
    """Share of cohorts whose p counts, with Wilson's interval."""
    found, cohorts = np.count_nonzero(part["p_value"] <= ALPHA), len(part)
    low, high = binomtest(found, cohorts).proportion_ci(method="wilson")
    return {name: found / cohorts, f"{ends}_low": low, f"{ends}_high": high, "cohorts": cohorts}


def _measured(part: pd.DataFrame) -> Iterator[Row]:
    """A row an effect and size, nothing planted left out."""
    planted = pd.DataFrame(part[part["cohens_d"] > 0]).sort_values(["cohens_d", "n"], kind="stable")
    for kind, rows in _parts(planted, "cohens_d", "n", "patients"):
        values = rows["value"].to_numpy(float)
        half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        mean = {"mean": values.mean(), "ci_low": values.mean() - half, "ci_high": values.mean() + half}
        yield kind | mean | {"extrapolated": 0} | _share(rows, "significant", "significant")


def _extrapolated(part: pd.DataFrame, n: int) -> Iterator[Row]:
    """The same for `n` participants, where no cohort had as many."""
    curve = Curve.of(part)
    if n <= curve.n.max():
        return
    effects = np.unique(curve.cohens_d[curve.cohens_d > 0])
    rng = np.random.default_rng(0)
    several = [Line.of(curve.resampled(rng)).chance(effects, n) for _ in range(_LINES)]
    found, (low, high) = Line.of(curve).chance(effects, n), np.percentile(several, [2.5, 97.5], axis=0)
    patients = round(n * part["patients"].to_numpy().sum() / part["n"].to_numpy().sum())
    for place, effect in enumerate(effects):
        ends = {"significant_low": low[place], "significant_high": high[place]}
        known = {"n": n, "patients": patients, "extrapolated": 1, "cohorts": curve.cohorts.sum()}
        yield known | {"cohens_d": effect, "significant": found[place]} | ends


def _smallest(part: pd.DataFrame, n: int) -> Iterator[Row]:
    """The smallest effect that is found in `ENOUGH` of the cohorts, of each size, and of `n` by the line."""
    every = Curve.of(part)
    largest, beyond = every.cohens_d.max(), n > every.n.max()
    for size in np.unique(every.n):
        curve, rng = Curve.of(pd.DataFrame(part[part["n"] == size])), np.random.default_rng(0)
        several = [_crossing(curve.resampled(rng)) for _ in range(_RESAMPLES)]
        yield {"n": int(size)} | _interval(_crossing(curve), several, largest)
    if beyond:
        rng = np.random.default_rng(0)
        several = [Line.of(every.resampled(rng)).crossing(n) for _ in range(_LINES)]
        note = f"extrapolated from cohorts of at most {every.n.max():g} participants"
        yield {"n": n} | _interval(Line.of(every).crossing(n), several, largest, note)


def _crossing(curve: Curve) -> float:
    """Where the share of cohorts, taken to rise with the effect, crosses `ENOUGH`; infinite where it does not."""
    shares = curve.found / curve.cohorts
    rising = IsotonicRegression().fit_transform(curve.cohens_d, shares, sample_weight=curve.cohorts)
    above = np.flatnonzero(rising >= ENOUGH)
    if not len(above):
        return float("inf")
    ends = slice(max(above[0] - 1, 0), above[0] + 1)
    return float(np.interp(ENOUGH, rising[ends], curve.cohens_d[ends]))


def _interval(found: float, several: list[float], largest: float, note: str = "") -> Row:
    """An effect and its interval, n/a beyond the largest planted, and a note of why."""
    low, high = np.percentile(several, [2.5, 97.5], method="lower")
    notes = [note] if note else []
    if found > largest:
        notes.append(
            f"found in less than {ENOUGH:.0%} of the cohorts at the largest effect planted, {largest:g}"
        )
    elif high > largest:
        notes.append(f"the interval reaches beyond the largest effect planted, {largest:g}")
    values = {"cohens_d": found, "ci_low": low, "ci_high": high}
    known = {name: value if value <= largest else np.nan for name, value in values.items()}
    return known | {"note": "; ".join(notes) or None}
