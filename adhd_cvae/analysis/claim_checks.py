"""Whether a verdict on a claim stands when the same question is asked again a little differently.

Each claim that could be tested is judged anew, by the rule of `claims`:

- with the patients of each fold left out in turn, as often as there are folds;
- with site and covariates held constant, by the partial tau of the table of relations;
- over spaces of equal size: the larger one reduced to as many principal components as the smaller has units. Both keep
  their lengths: whitening would give a unit that patients hardly use the weight of those that they do use, and would
  change more than the size.
- by the model of each further seed, where several were trained.

A check asks one question again and corrects for no other: its p-value is not adjusted. A verdict that it does not
reproduce hangs on who took part, or on how the spaces were made. Reproducing one is no further proof of it: the
checks share nearly all of the data.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.analysis.claims import (
    CONTRADICTED,
    NOT_TESTABLE,
    SUPPORTED,
    UNSTABLE,
    OneCluster,
    Relation,
    claims_table,
)
from adhd_cvae.analysis.mixture import DECIDING, mixture_table
from adhd_cvae.analysis.permutation import DEFAULTS, Inference
from adhd_cvae.analysis.rsa.table import RSA_COLUMNS, rsa_table
from adhd_cvae.analysis.variables import Scale
from adhd_cvae.names import BACKGROUND, SALIENT, rows_of

CHECK_COLUMNS = ["claim", "check", "n", "tau", "p_value", "verdict", "note"]
HELD_CONSTANT = "covariates held constant"
EQUAL_SIZE = "spaces of equal size"
Claims = Sequence[Relation | OneCluster]


class Tables(NamedTuple):
    """What claims are read off."""

    rsa: pd.DataFrame
    mixture: pd.DataFrame
    mixture_test: pd.DataFrame


class Study(NamedTuple):
    """What the tables were made of, patients only."""

    spaces: Mapping[str, NDArray]
    """Name: (n, units)"""
    variables: pd.DataFrame
    scales: Mapping[str, Scale]
    inference: Inference
    folds: NDArray | None = None
    """(n,) by which fold's models each patient is coded; None where that is not known."""
    resampled: frozenset[str] = frozenset()
    """Variables whose verdict rests on the interval of a difference, which is not made for the others."""

    def among(self, rows: NDArray[np.bool_]) -> "Study":
        """Leave the other patients out."""
        return self._replace(
            spaces={name: np.asarray(codes)[rows] for name, codes in self.spaces.items()},
            variables=pd.DataFrame(self.variables[rows]).reset_index(drop=True),
            inference=self.inference.among(rows),
        )


def checked_claims(
    claims: Claims,
    tables: Tables,
    study: Study,
    *,
    seeds: Mapping[int, Tables] | None = None,
    permutations: int = DEFAULTS.claim_permutations,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge claims, then judge them again under every check.

    Parameters
    ----------
    claims
        In the order of the tables.
    tables
        Of `study`, with all its permutations.
    study
        The patients and their codes.
    seeds
        Seed to the tables of its own model; none where one model was trained.
    permutations
        At most so many in a check, and as many resamples.

    Returns
    -------
    claims
        Of `claims_table`; `checks` says how many were made, `agree` how many come to the same verdict. A supported or
        contradicted claim with which one does not agree is unstable.
    checks
        One row a claim and check, columns `CHECK_COLUMNS`: verdict by the check's own tau and p-value. Not testable
        counts as no check.
    """
    judged = claims_table(claims, *tables)
    asked = [
        claim._replace(columns=(row["variable"],)) if isinstance(claim, Relation) else claim
        for claim, row in zip(claims, rows_of(judged), strict=True)
        if row["verdict"] != NOT_TESTABLE
    ]
    relations = [claim for claim in asked if isinstance(claim, Relation)]
    inference = study.inference
    fewer = replace(
        inference,
        permutations=min(inference.permutations, permutations),
        bootstraps=min(inference.bootstraps, permutations),
    )
    contradicted = frozenset(judged.loc[judged["verdict"] == CONTRADICTED, "variable"])
    study = study._replace(inference=fewer, resampled=contradicted)
    found = [
        *_folds_left_out(asked, tables, study),
        *_held_constant(relations, tables),
        *_equal_size(relations, tables, study),
        *(_check(asked, f"seed {seed}", own) for seed, own in (seeds or {}).items()),
    ]
    rows = pd.concat([pd.DataFrame(columns=CHECK_COLUMNS), *found], ignore_index=True)
    order = {claim: place for place, claim in enumerate(judged["claim"])}
    checks = rows.sort_values("claim", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    return _with_checks(judged, checks), checks


def _check(claims: Claims, name: str, tables: Tables, n: int | None = None) -> pd.DataFrame:
    """Judge the claims by these tables; `n` where mixtures are of other patients than their test."""
    judged = claims_table(claims, *tables).rename(columns={"p_fdr": "p_value", "reason": "note"})
    if n is not None:
        judged["n"] = judged["n"].where(judged["variable"].notna(), n)
    return judged.assign(check=name).reindex(columns=CHECK_COLUMNS)


def _relations(claims: Claims, study: Study) -> pd.DataFrame:
    """Relations of the two spaces with the claimed variables, nothing corrected for the others."""
    spaces = {name: codes for name, codes in study.spaces.items() if name in (SALIENT, BACKGROUND)}
    named = {claim.columns[0] for claim in claims if isinstance(claim, Relation)}
    tables = [pd.DataFrame(columns=RSA_COLUMNS)]
    for some, bootstraps in (
        (named & study.resampled, study.inference.bootstraps),
        (named - study.resampled, 0),
    ):
        scales: dict[str, Scale] = {name: scale for name, scale in study.scales.items() if name in some}
        inference = replace(study.inference, bootstraps=bootstraps)
        tables.append(rsa_table(spaces, study.variables, scales, inference, n_jobs=1))
    table = pd.concat([one for one in tables if len(one)] or tables, ignore_index=True)
    return table.assign(p_fdr=table["p_value"])


def _folds_left_out(claims: Claims, tables: Tables, study: Study) -> Iterable[pd.DataFrame]:
    """Leave each fold's patients out; of mixtures BIC is asked again, their dear test is not."""
    clustered = {claim.space for claim in claims if isinstance(claim, OneCluster)}
    for fold in [] if study.folds is None else np.unique(study.folds):
        others = study.among(np.asarray(study.folds) != fold)
        means = {name: np.asarray(others.spaces[name])[None] for name in clustered}
        mixture = mixture_table(means, max_components=2, covariances=DECIDING, seed=study.inference.seed)
        left = tables._replace(rsa=_relations(claims, others), mixture=mixture)
        yield _check(claims, f"fold {fold} left out", left, len(others.variables))


def _held_constant(claims: Claims, tables: Tables) -> Iterable[pd.DataFrame]:
    """Put partial relations in the place of the whole ones; a difference without interval counts by its sign."""
    rsa = tables.rsa
    if not np.isfinite(rsa["p_partial"].to_numpy(np.float64)).any():
        return
    partial = rsa.assign(tau=rsa["tau_partial"], p_fdr=rsa["p_partial"], note=rsa["partial_note"])
    taus = {(row["space"], row["variable"]): row["tau"] for row in rows_of(partial)}
    difference = [
        tau - taus.get((BACKGROUND, variable), np.nan) if space == SALIENT else np.nan
        for (space, variable), tau in taus.items()
    ]
    ends = dict.fromkeys(["difference", "difference_ci_low", "difference_ci_high"], difference)
    yield _check(claims, HELD_CONSTANT, tables._replace(rsa=partial.assign(null_mean=0.0, **ends)))


def _equal_size(claims: Claims, tables: Tables, study: Study) -> Iterable[pd.DataFrame]:
    """Reduce the larger space; nothing where there is one space, or both are of one size."""
    sizes = {name: np.shape(study.spaces[name])[1] for name in (SALIENT, BACKGROUND) if name in study.spaces}
    least = min(sizes.values(), default=0)
    if len(set(sizes.values())) < 2:
        return
    spaces = {name: _components(np.asarray(study.spaces[name], np.float64), least) for name in sizes}
    equal = tables._replace(rsa=_relations(claims, study._replace(spaces=spaces)))
    yield _check(claims, EQUAL_SIZE, equal)


def _components(codes: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Scores (n, count) on the leading principal components; a space of that size stays as it is."""
    finite = np.isfinite(codes).all(axis=1)
    if codes.shape[1] == count or not finite.any():
        return codes[:, :count]
    centred = codes - codes[finite].mean(axis=0)
    axes = np.linalg.svd(centred[finite], full_matrices=False)[2]
    return centred @ axes[:count].T


def _with_checks(judged: pd.DataFrame, checks: pd.DataFrame) -> pd.DataFrame:
    """Count the checks of each claim, and call unstable what one of them does not reproduce."""
    rows = []
    for row in rows_of(judged):
        of_claim = checks.loc[(checks["claim"] == row["claim"]) & (checks["verdict"] != NOT_TESTABLE)]
        made = rows_of(of_claim)
        other = [one for one in made if one["verdict"] != row["verdict"]]
        row |= {"checks": len(made), "agree": len(made) - len(other)}
        if other and row["verdict"] in (SUPPORTED, CONTRADICTED):
            turned = "; ".join(f"{one['check']}: {one['verdict']}" for one in other)
            row |= {
                "verdict": UNSTABLE,
                "reason": f"{row['verdict']} ({row['reason']}), but not under every check ({turned})",
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=judged.columns)
