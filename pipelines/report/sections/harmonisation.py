"""What maps and codes hold of site and covariates, and what was done about it."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from adhd_cvae.analysis.harmonisation import AFTER, BEFORE
from adhd_cvae.cohort.confounding import site_counts
from adhd_cvae.config import CohortConfig
from adhd_cvae.config.cohort import LEAVE_SITE_OUT
from adhd_cvae.figures import statistics
from adhd_cvae.names import GROUP_LABELS, rows_of
from pipelines.output_dir.results import Results
from pipelines.report.formatting import listed, number
from pipelines.report.section import from_table, read_section, result_table, sentences_of, words_of

sentence = sentences_of(__file__)


@from_table("harmonisation")
def _sentences(results: Results, table: pd.DataFrame) -> list[str]:
    """Say what was taken from the maps, and whether site is still read from each space within each group."""
    of_site = rows_of(pd.DataFrame(table[table["target"] == results.site]))
    stages = list(dict.fromkeys(table["stage"].tolist()))
    linear = bool(results.fold_arrays.get("linear", True))
    lines = [" ".join(_done(results)), *_site_lines(of_site, named=len(stages) > 1)]
    cautions = {
        "networks": not linear and stages == [BEFORE, AFTER],
        "apart": results.setting("cohort.folds") == LEAVE_SITE_OUT,
    }
    return [
        *lines,
        " ".join([sentence("how"), *(sentence(name) for name, applies in cautions.items() if applies)]),
    ]


def _done(results: Results) -> list[str]:
    combat = results.setting("cohort.harmonise") == "combat" and results.site is not None
    residualised = bool(results.setting("cohort.residualise"))
    if not combat and not residualised:
        return [sentence("nothing")]
    named = listed([results.label(name) for name in results.covariates])
    found = [sentence("combat")] if combat else []
    if results.covariates:
        found.append(sentence("residualised" if residualised else "kept", covariates=named))
    return [*found, *(_exceptions(results) if combat else [])]


def _exceptions(results: Results) -> list[str]:
    """Sites that are taken for the average one, and those whose one group leaves it to others to tell the groups."""
    cohort, site, folds = results.cohort, results.site, np.array(results.fold_of_each)
    if cohort is None or site is None:
        return []
    counts = site_counts(cohort, site)
    # How many of a site are outside of the fold that most of them are in.
    least = pd.Series(0, counts.index)
    for code in counts.index:
        members = folds[(cohort[site] == code).to_numpy()] if len(folds) else np.zeros(0, int)
        least[code] = counts.loc[code].sum() - (np.bincount(members).max() if len(members) else 0)
    smallest = results.setting("cohort.smallest_site", CohortConfig().smallest_site)
    kinds = {"small": least < smallest, "one_group": (counts.min(axis=1) == 0) & (least >= smallest)}
    named = {
        kind: [results.named_level(site, code) for code in counts.index[rows]] for kind, rows in kinds.items()
    }
    return [
        sentence(kind, sites=listed(names, 5), smallest=smallest) for kind, names in named.items() if names
    ]


def _site_lines(rows: list[dict[str, Any]], *, named: bool) -> list[str]:
    """A line a space: in which group site is read above chance, before and after."""
    spaces: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        spaces.setdefault(row["space"], {}).setdefault(row["stage"], []).append(row)
    words = words_of(__file__)
    return [
        sentence(
            "site",
            space=words["spaces"][space],
            found="; ".join(
                (f"{words['stages'][stage]}, " if named else "") + _reading(of_groups)
                for stage, of_groups in stages.items()
            ),
        )
        for space, stages in spaces.items()
    ]


def _reading(rows: list[dict[str, Any]]) -> str:
    """In which of the groups site is read, with the scores."""
    asked = {GROUP_LABELS[row["group"]]: row for row in rows if pd.notna(row["score"] + row["null_p95"])}
    if not asked:
        return sentence("untested")
    above = [group for group, row in asked.items() if row["score"] > row["null_p95"]]
    scores = [
        sentence("score", group=group, score=number(row["score"], 2), chance=number(row["null_p95"], 2))
        for group, row in asked.items()
    ]
    return sentence("above" if above else "not_above", groups=listed(above), scores="; ".join(scores))


@from_table("harmonisation")
def _picture(results: Results, table: pd.DataFrame) -> Figure:
    labels = {str(name): results.label(str(name)) for name in table["target"].unique()}
    words = [
        f"{labels[row['target']]}, {GROUP_LABELS[row['group']]}"
        if row["target"] == results.site
        else labels[row["target"]]
        for row in rows_of(table)
    ]
    return statistics.harmonisation_scores(table.assign(row=words), words_of(__file__)["stages"])


SECTION = read_section(
    __file__,
    {"harmonisation": _picture},
    sentences=_sentences,
    tables=(result_table(__file__, "harmonisation", "target"),),
)
