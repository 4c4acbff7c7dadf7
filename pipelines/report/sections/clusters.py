"""Clusters or a continuum: mixtures, their test, and silhouettes."""

import pandas as pd

from adhd_cvae.analysis.mixture import mixture_test_sentence
from adhd_cvae.figures import statistics
from adhd_cvae.names import BACKGROUND, SALIENT, SPACE_LABELS, VAE, in_order, space_label
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, count, counted, listed
from pipelines.report.section import (
    TableWords,
    from_table,
    holds,
    plot_variables,
    read_section,
    result_table,
    sentences_of,
)

sentence = sentences_of(__file__)
_SPACE_WORDS = {SALIENT: "the salient space", BACKGROUND: "the background space", VAE: "the plain VAE"}


@from_table("mixture")
def summary(results: Results, mixture: pd.DataFrame) -> str:
    """How many components the salient space has by the lowest BIC, or that covariance forms disagree."""
    best = _best_components(mixture)
    if best is None or SALIENT not in best.index:
        return ""
    answers = best.loc[SALIENT].dropna().astype(int)
    if len(set(answers)) == 1:
        return sentence("agreed", components=counted(int(answers.iloc[0]), "component"))
    by_size = [
        f"{counted(size, 'component')} with {listed(list(answers.index[answers == size]))} covariances"
        for size in sorted(set(answers))
    ]
    return sentence("open", components=listed(by_size))


@from_table("mixture_test")
def _sentences(results: Results, table: pd.DataFrame) -> list[str]:
    return [mixture_test_sentence(table, _SPACE_WORDS)]


@from_table("mixture")
def _mixture_table(results: Results, mixture: pd.DataFrame) -> ReportTable | None:
    """Number of components with the lowest BIC, by space and covariance form."""
    best = _best_components(mixture)
    if best is None:
        return None
    rows = [[space_label(str(space)), *(count(value) for value in row)] for space, row in best.iterrows()]
    return TableWords.of(__file__, "mixture").shown({"": rows}, "space", *map(str, best.columns))


def _best_components(mixture: pd.DataFrame) -> pd.DataFrame | None:
    """Number of components with the lowest BIC: one row a space, one column a covariance form."""
    if not holds(mixture, "bic"):
        return None
    known = mixture.dropna(subset=["bic"])
    lowest = known.loc[known.groupby(["space", "covariance"])["bic"].idxmin()]
    best = lowest.pivot_table(index="space", columns="covariance", values="k")
    return best.loc[in_order(best.index.tolist(), SPACE_LABELS)]


SECTION = read_section(
    __file__,
    {
        "silhouette": plot_variables("silhouette", statistics.silhouette_bars),
        "mixture": from_table("mixture")(lambda results, table: statistics.mixture_curves(table)),
    },
    sentences=_sentences,
    tables=(
        _mixture_table,
        result_table(__file__, "mixture_test", "covariance"),
        result_table(__file__, "silhouette", "variable"),
    ),
)
