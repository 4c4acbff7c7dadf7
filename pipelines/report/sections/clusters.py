"""Clusters or a continuum: mixtures, their test, and silhouettes."""

import pandas as pd

from adhd_cvae.analysis.mixture import mixture_test_sentence
from adhd_cvae.figures import statistics
from adhd_cvae.names import BACKGROUND, SALIENT, SPACE_LABELS, VAE, in_order, space_label
from pipelines.output_dir.results import Results
from pipelines.report.formatting import (
    ReportTable,
    count,
    counted,
    listed,
    probability,
    rounded,
    tenths,
    text,
)
from pipelines.report.section import Column, from_table, holds, plot_variables, read_section, result_table

_SPACE_WORDS = {SALIENT: "the salient space", BACKGROUND: "the background space", VAE: "the plain VAE"}


@from_table("mixture")
def summary(results: Results, mixture: pd.DataFrame) -> str:
    """How many components the salient space has by the lowest BIC, or that covariance forms disagree."""
    best = _best_components(mixture)
    if best is None or SALIENT not in best.index:
        return ""
    answers = best.loc[SALIENT].dropna().astype(int)
    if len(set(answers)) == 1:
        return (
            f"In the salient space every form of mixture has its lowest BIC at "
            f"{counted(int(answers.iloc[0]), 'component')}."
        )
    by_size = [
        f"{counted(size, 'component')} with {listed(list(answers.index[answers == size]))} covariances"
        for size in sorted(set(answers))
    ]
    return f"How many clusters the salient space has is open: the lowest BIC is at {listed(by_size)}."


@from_table("mixture_test")
def _sentences(results: Results, table: pd.DataFrame) -> list[str]:
    return [mixture_test_sentence(table, _SPACE_WORDS)]


_SILHOUETTE = result_table(
    "silhouette",
    "variable",
    (
        Column("n", "n", count),
        Column("silhouette", "silhouette"),
        Column("p_value", "p", probability),
        Column("labels", "labels", rounded),
        Column("difference", "difference"),
        Column("difference_ci_low", "from"),
        Column("difference_ci_high", "to"),
        Column("note", "note", text),
    ),
    "Silhouettes by variable; p by permuting labels, not corrected for the number of variables. Difference: "
    "salient minus background space, with its 95 % interval.",
)
_MIXTURE_TEST = result_table(
    "mixture_test",
    "covariance",
    (
        Column("statistic", "2 × gain in log-likelihood", tenths),
        Column("p_value", "p", probability),
        Column("bootstraps", "bootstrap samples", count),
        Column("n", "n", count),
        Column("note", "note", text),
    ),
    "Two components against one; p by samples of the single Gaussian. Diagonal and spherical forms take "
    "correlation between units for a second component, and every form takes skew for one.",
)


@from_table("mixture")
def _mixture_table(results: Results, mixture: pd.DataFrame) -> ReportTable | None:
    """Number of components with the lowest BIC, by space and covariance form."""
    best = _best_components(mixture)
    if best is None:
        return None
    rows = [[space_label(str(space)), *(count(value) for value in row)] for space, row in best.iterrows()]
    caption = "Number of components with the lowest mean BIC, by the form of the components' covariance."
    return ReportTable(caption, ("space", *map(str, best.columns)), {"": rows})


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
    tables=(_mixture_table, _MIXTURE_TEST, _SILHOUETTE),
)
