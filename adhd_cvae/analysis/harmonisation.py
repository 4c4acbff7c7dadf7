"""What maps and codes hold of site, age, sex and head size, before and after these are taken from the maps.

Site is asked within each group: where sites have more of one group, codes that hold nothing but the group tell sites
over both together. Sites' and covariates' effects are taken from a held-out map as the others taught them, so that what
is left of one fold's participants is opposite to what is left of the others': a score below chance is none.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.analysis.permutation import DEFAULTS, Inference
from adhd_cvae.analysis.probes import probe_table
from adhd_cvae.analysis.refits import BOTH, Refit
from adhd_cvae.analysis.seed_alignment import rotation
from adhd_cvae.analysis.variables import Scale
from adhd_cvae.names import BACKGROUND, SALIENT, TARGET, rows_of

HARMONISATION_COLUMNS = [
    *("space", "stage", "target", "group", "metric", "score", "null_mean", "null_p95", "n", "note"),
]
BEFORE, AFTER = "before", "after"
MAPS = "maps"
"""What stands as a space beside s and z."""
Codes = Mapping[tuple[str, str], NDArray[np.floating]]
"""Space and stage to (n, units), everybody's in one frame."""


def stages_of(
    spaces: Mapping[str, NDArray[np.floating]], refit: Refit | None, is_target: NDArray[np.bool_]
) -> Codes:
    """Maps and codes before and after; before alone where nothing is taken from the maps.

    Parameters
    ----------
    spaces
        `salient` and `background` as they are analysed, (n, units), out of fold where that is known.
    refit
        The folds' linear models; None where nothing is known of them, so that there are codes alone.
    is_target
        (n,) bool.
    """
    own = {space: spaces[space] for space in (SALIENT, BACKGROUND) if space in spaces}
    if refit is None or not refit.folds:
        return {(space, BEFORE): codes for space, codes in own.items()}
    before, after = _maps(refit, is_target)
    found: dict[tuple[str, str], NDArray[np.floating]] = {(MAPS, BEFORE): before}
    if after is None:
        return found | {(space, BEFORE): codes for space, codes in own.items()}
    found |= {(MAPS, AFTER): after}
    raw = _unadjusted(refit, is_target)
    return found | {(s, stage): parts[s] for s in own for stage, parts in ((BEFORE, raw), (AFTER, own))}


def _maps(
    refit: Refit, is_target: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Scores on as many leading axes of the first fold's maps as z has units, which know no labels; then adjusted.

    What a fold takes away is brought to these axes by those whom it is fitted to: their scores span its own.
    """
    frame = refit.folds[0].scores[:, : refit.model.background].astype(np.float64)
    if refit.folds[0].adjusting is None:
        return frame, None
    after = frame.copy()
    for fold in refit.folds:
        scores, known, held = fold.scores.astype(np.float64), fold.fitted, fold.held_out
        turn = np.linalg.lstsq(
            scores[known] - scores[known].mean(axis=0), frame[known] - frame[known].mean(axis=0)
        )[0]
        after[held] += (fold.adjusted(is_target[known]) - scores)[held] @ turn
    return frame, after


def _unadjusted(refit: Refit, is_target: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    """Codes out of fold by linear models of maps as they were, turned into the frame of the first fold."""
    parts = [refit.codes(replace(fold, adjusting=None), is_target[fold.fitted]) for fold in refit.folds]
    found = {space: np.empty_like(codes) for space, codes in parts[0].items() if space != BOTH}
    for fold, part in zip(refit.folds, parts, strict=True):
        outside = ~fold.held_out
        for space, codes in found.items():
            rows = outside & is_target if space == SALIENT else outside
            codes[fold.held_out] = (part[space] @ rotation(part[space], parts[0][space], rows))[fold.held_out]
    return found


def harmonisation_table(
    codes: Codes,
    cohort: pd.DataFrame,
    site: str | None,
    scales: Mapping[str, Scale],
    inference: Inference,
    *,
    folds: int = DEFAULTS.folds,
) -> pd.DataFrame:
    """Read site and covariates out of maps and codes by a linear probe, cross-validated within a group.

    Site is asked of patients and of controls apart. Covariates are asked of one group: of patients in s, which is
    theirs, and of controls in maps and z; there is no effect of the group in them.

    Parameters
    ----------
    codes
        As of `stages_of`.
    cohort
        n rows: `group`, site and covariates; `fold`, where it is known.
    site
        Column of the site; None where sites are not told apart.
    scales
        Covariate to its scale.
    inference
        Sites are permuted within a group, covariates within its sites.
    folds
        Of the cross-validation.

    Returns
    -------
    pandas.DataFrame
        `HARMONISATION_COLUMNS`. Where each site is held out in turn, what site and model are is one: site is then asked
        of the maps before alone.
    """
    apart = site is not None and is_of_folds(cohort, site)
    rows = []
    for (space, stage), values in codes.items():
        asked = [(name, TARGET if space == SALIENT else BACKGROUND) for name in scales]
        if site is not None and not (apart and (space, stage) != (MAPS, BEFORE)):
            asked = [(site, TARGET), (site, BACKGROUND), *asked]
        for target, group in asked:
            members = (cohort["group"] == group).to_numpy()
            part = pd.DataFrame(cohort[members])
            how = replace(inference, strata=None if site in (None, target) else part[site])
            scale: dict[str, Scale] = {target: "nominal" if target == site else scales[target]}
            found = probe_table({space: values[members]}, part, scale, how, folds=folds, probes=("linear",))
            rows += [{**row, "stage": stage, "group": group} for row in rows_of(found)]
    order = [(row["space"], row["target"], row["group"]) for row in rows]
    rows.sort(
        key=lambda row: order.index((row["space"], row["target"], row["group"]))
    )  # after below its before
    return pd.DataFrame(rows, columns=HARMONISATION_COLUMNS)


def is_of_folds(cohort: pd.DataFrame, name: str) -> bool:
    """Whether a variable differs between folds and never within one, as sites do that are held out in turn."""
    if "fold" not in cohort:
        return False
    pairs = pd.DataFrame(cohort[["fold", name]]).dropna().drop_duplicates()
    values, folds = (pairs[column].drop_duplicates() for column in (name, "fold"))
    return len(values) > 1 and len(pairs) == len(folds)
