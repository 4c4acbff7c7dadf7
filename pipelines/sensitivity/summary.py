"""Tables of what cohorts made of controls show: how often effects are found, the smallest, and false positives."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest, norm, t
from sklearn.isotonic import IsotonicRegression

from adhd_cvae.analysis.group_measures import AUC, BEYOND
from adhd_cvae.analysis.refits import BOTH
from adhd_cvae.names import ALPHA, BACKGROUND, SALIENT
from pipelines.output_dir.tables import FALSE_POSITIVES, POWER, SMALLEST
from pipelines.sensitivity.chain import DICE, MAPS, R

POWERFUL = 0.8
"""Share of cohorts in which an effect that is there should be found."""
_SHOWN = {(AUC, SALIENT), (AUC, BACKGROUND), (AUC, BOTH), (R, SALIENT), (DICE, MAPS)}
"""Measures and spaces of which power is shown."""
_STEEPEST = 10.0
"""Probits a unit of d · √n: every effect that is planted is found."""
_RESAMPLES, _LINES = 400, 100
"""For an interval; fewer where a line is fitted to each."""


class Curve(NamedTuple):
    """How many cohorts found an effect, by its size and theirs; one measure."""

    cohens_d: NDArray[np.float64]
    n: NDArray[np.float64]
    found: NDArray[np.int64]
    cohorts: NDArray[np.int64]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Curve":
        """Of a table's rows."""
        counts = (rows["p_value"] <= ALPHA).groupby([rows["cohens_d"], rows["n"]]).agg(["sum", "count"])
        effects, sizes = (counts.index.get_level_values(level).to_numpy(float) for level in range(2))
        return cls(effects, sizes, *(counts[name].to_numpy(int) for name in ("sum", "count")))

    def resampled(self, rng: np.random.Generator) -> "Curve":
        """Cohorts drawn with replacement, as many of each effect and size."""
        return self._replace(found=rng.binomial(self.cohorts, self.found / self.cohorts))


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
    asked = [one in _SHOWN for one in zip(known["measure"], known["space"], strict=True)]
    kinds = ["effect", "space", "measure", "borrowed"]
    found: dict[str, list[dict[str, Any]]] = {"power": [], "smallest": [], "false_positives": []}
    for kind, part in pd.DataFrame(known[np.array(asked, bool)]).groupby(kinds, sort=False):
        names = dict(zip(kinds, kind, strict=True))
        found["power"] += [names | row for row in (*_measured(part), *_extrapolated(part, n))]
        found["smallest"] += [names | row for row in _smallest(part, n)]
    for kind, part in pd.DataFrame(known[known["cohens_d"] == 0]).groupby(kinds, sort=False):
        words = {"test": in_words(*kind[:3])}
        found["false_positives"].append(
            dict(zip(kinds, kind, strict=True)) | words | _share(part, "below", "ci")
        )
    columns = {"power": POWER, "smallest": SMALLEST, "false_positives": FALSE_POSITIVES}
    return {name: pd.DataFrame(rows, columns=list(columns[name].columns)) for name, rows in found.items()}


def in_words(effect: str, space: str, measure: str) -> str:
    """A test by the name that readers know it by."""
    if measure == DICE:
        return "group map, any voxel"
    if measure == R:
        return f"severity in {effect}, from s"
    beyond = " beyond covariates" if measure == BEYOND else ""
    return f"AUC of {space}{beyond}"


def _share(part: pd.DataFrame, name: str, ends: str) -> dict[str, Any]:
    """Share of cohorts whose p counts, with Wilson's interval."""
    found = int((part["p_value"] <= ALPHA).sum())
    interval = binomtest(found, len(part)).proportion_ci(method="wilson")
    return {
        name: found / len(part),
        f"{ends}_low": interval.low,
        f"{ends}_high": interval.high,
        "cohorts": len(part),
    }


def _measured(part: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """A row an effect and size, nothing planted left out."""
    for (effect, n, patients), rows in part[part["cohens_d"] > 0].groupby(["cohens_d", "n", "patients"]):
        values = rows["value"].to_numpy(float)
        half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        row = {"cohens_d": effect, "n": n, "patients": patients, "extrapolated": 0}
        row |= {"mean": values.mean(), "ci_low": values.mean() - half, "ci_high": values.mean() + half}
        yield row | _share(rows, "significant", "significant")


def _extrapolated(part: pd.DataFrame, n: int) -> Iterator[dict[str, Any]]:
    """The same for `n` participants, where no cohort had as many."""
    curve = Curve.of(part)
    if n <= curve.n.max():
        return
    effects = np.unique(curve.cohens_d[curve.cohens_d > 0])
    rng = np.random.default_rng(0)
    several = [_Line.of(curve.resampled(rng)).chance(effects, n) for _ in range(_LINES)]
    found, (low, high) = _Line.of(curve).chance(effects, n), np.percentile(several, [2.5, 97.5], axis=0)
    patients = round(float((part["patients"] / part["n"]).mean()) * n)
    for row in zip(effects, found, low, high, strict=True):
        names = ("cohens_d", "significant", "significant_low", "significant_high")
        known = {"n": n, "patients": patients, "extrapolated": 1, "cohorts": curve.cohorts.sum()}
        yield {**known, **dict(zip(names, row, strict=True))}


class _Line(NamedTuple):
    """Probits of finding an effect, along d · √n from that of 5 % where there is none, as of a test of two means."""

    slope: float

    @classmethod
    def of(cls, curve: Curve) -> "_Line":
        """The likeliest one that does not fall."""
        along = curve.cohens_d * np.sqrt(curve.n)

        def unlikely(slope: float) -> float:
            chance = np.clip(norm.cdf(norm.ppf(ALPHA) + slope * along), 1e-9, 1 - 1e-9)
            return -float(
                np.sum(curve.found * np.log(chance) + (curve.cohorts - curve.found) * np.log1p(-chance))
            )

        return cls(float(minimize_scalar(unlikely, bounds=(0, _STEEPEST), method="bounded").x))

    def chance(self, effects: NDArray[np.float64], n: float) -> NDArray[np.float64]:
        """That effects are found in `n` participants."""
        return norm.cdf(norm.ppf(ALPHA) + self.slope * effects * np.sqrt(n))

    def crossing(self, n: float) -> float:
        """Effect that `POWERFUL` of cohorts of `n` participants find."""
        return float((norm.ppf(POWERFUL) - norm.ppf(ALPHA)) / (max(self.slope, 1e-6) * np.sqrt(n)))


def _smallest(part: pd.DataFrame, n: int) -> Iterator[dict[str, Any]]:
    """The smallest effect that is found in `POWERFUL` of the cohorts, of each size, and of `n` by the line."""
    for size, rows in part.groupby("n"):
        curve, rng = Curve.of(rows), np.random.default_rng(0)
        several = [_crossing(curve.resampled(rng)) for _ in range(_RESAMPLES)]
        yield {"n": size} | _interval(_crossing(curve), several, curve.cohens_d.max())
    curve, rng = Curve.of(part), np.random.default_rng(0)
    if n > curve.n.max():
        several = [_Line.of(curve.resampled(rng)).crossing(n) for _ in range(_LINES)]
        beyond = f"extrapolated from cohorts of at most {curve.n.max():g} participants"
        yield {"n": n} | _interval(_Line.of(curve).crossing(n), several, curve.cohens_d.max(), beyond)


def _crossing(curve: Curve) -> float:
    """Where the share of cohorts, taken to rise with the effect, crosses `POWERFUL`; infinite where it does not."""
    effects, shares = curve.cohens_d, curve.found / curve.cohorts  # of one size, in order
    rising = IsotonicRegression().fit_transform(effects, shares, sample_weight=curve.cohorts)
    above = np.flatnonzero(rising >= POWERFUL)
    if not len(above):
        return float("inf")
    first = above[0]
    if first == 0:
        return float(effects[0])
    ends = slice(first - 1, first + 1)
    return float(np.interp(POWERFUL, rising[ends], effects[ends]))


def _interval(found: float, several: list[float], largest: float, beyond: str = "") -> dict[str, Any]:
    """An effect and its interval, n/a beyond the largest planted, and a note of why."""
    low, high = np.percentile(several, [2.5, 97.5], method="lower")
    notes = [beyond] if beyond else []
    if found > largest:
        notes.append(
            f"found in less than {POWERFUL:.0%} of the cohorts at the largest effect planted, {largest:g}"
        )
    elif high > largest:
        notes.append(f"the interval reaches beyond the largest effect planted, {largest:g}")
    values = {"cohens_d": found, "ci_low": low, "ci_high": high}
    known = {name: value if value <= largest else np.nan for name, value in values.items()}
    return known | {"note": "; ".join(notes) or None}
