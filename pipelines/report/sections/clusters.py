"""TODO: pipelines.report.sections.clusters."""

import pandas as pd

from adhd_cvae.analysis.mixture import mixture_test_sentence
from adhd_cvae.figures.style import SPACE_COLOURS
from adhd_cvae.names import in_order, space_label
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, count
from pipelines.report.sections import table as report_tables
from pipelines.report.sections.confounding import counted, listed
from pipelines.report.sections.table import Column

_SPACE_WORDS = {"salient": "the salient space", "background": "the background space", "vae": "the plain VAE"}


def _clusters(results: Results) -> str:
    best = best_components(results.analysis("mixture"))
    if best is None or "salient" not in best.index:
        return ""
    answers = best.loc["salient"].dropna().astype(int)
    if len(set(answers)) == 1:
        return (
            f"In the salient space every form of mixture has its lowest BIC at "
            f"{counted(int(answers.iloc[0]), 'component')}."
        )
    said = [
        f"{counted(size, 'component')} with {listed(list(answers.index[answers == size]))} covariances"
        for size in sorted(set(answers))
    ]
    return f"How many clusters the salient space has is not settled: the lowest BIC is at {listed(said)}."


def clusters(results: Results) -> list[str]:
    """Whether one Gaussian is enough for each space, by the bootstrap test."""
    table = results.analysis("mixture_test")
    return [] if table is None else [mixture_test_sentence(table, _SPACE_WORDS)]


def _silhouette(results: Results) -> ReportTable | None:
    columns = (
        Column("n", "n", "count"),
        Column("silhouette", "silhouette"),
        Column("p_value", "p", "p"),
        Column("labels", "labels", "rounded"),
        Column("difference", "difference"),
        Column("difference_ci_low", "from"),
        Column("difference_ci_high", "to"),
        Column("note", "note", "text"),
    )
    caption = (
        "Silhouettes by variable; p by permuting labels, not corrected for the number of variables. Difference: "
        "salient minus background space, with its 95 % interval."
    )
    return report_tables.plain_table(results, "silhouette", "variable", "variable", columns, caption)


def _mixture_test(results: Results) -> ReportTable | None:
    columns = (
        Column("statistic", "2 × gain in log-likelihood", "tenths"),
        Column("p_value", "p", "p"),
        Column("bootstraps", "bootstrap samples", "count"),
        Column("n", "n", "count"),
        Column("note", "note", "text"),
    )
    caption = (
        "Two components against one; p by samples of the single Gaussian. Diagonal and spherical forms take "
        "correlation between units for a second component, and every form takes skew for one."
    )
    return report_tables.plain_table(results, "mixture_test", "covariance", "covariance", columns, caption)


def mixture_table(results: Results) -> ReportTable | None:
    """Number of components with the lowest BIC, by space and covariance form."""
    mixture = results.analysis("mixture")
    best = best_components(mixture)
    if best is None:
        return None
    rows = [[space_label(str(space)), *(count(value) for value in row)] for space, row in best.iterrows()]
    caption = "Number of components with the lowest mean BIC, by the form of the components' covariance."
    return ReportTable(caption, ("space", *map(str, best.columns)), {"": rows})


def best_components(mixture: pd.DataFrame | None) -> pd.DataFrame | None:
    """Number of components with the lowest BIC: one row a space, one column a covariance form."""
    if mixture is None or mixture["bic"].dropna().empty:
        return None
    known = mixture.dropna(subset=["bic"])
    lowest = known.loc[known.groupby(["space", "covariance"])["bic"].idxmin()]
    best = lowest.pivot_table(index="space", columns="covariance", values="k")
    return best.loc[in_order(best.index.tolist(), SPACE_COLOURS)]
