"""What else differs between the groups, said before anyone trains: a tidy table and a readable summary."""

import textwrap

import pandas as pd

from adhd_cvae.analysis.confounding import ALWAYS, SIDECAR, confounding_table
from adhd_cvae.config import Recipe
from bids_adapters.derivatives import write_table
from pipelines.paths import OutputPaths
from pipelines.progress import Progress
from pipelines.reporting.formats import plain_table

WIDTH = 79
"""Characters of a line: a terminal of 80 columns keeps it whole."""


def write(cohort: pd.DataFrame, recipe: Recipe, paths: OutputPaths) -> None:
    """Write ``confounding.tsv``: site, age, sex, the analysis' variables and missing values by group."""
    asked = {one.name: one.scale for one in recipe.analysis.variables if one.name != recipe.cohort.group}
    site = recipe.cohort.site if recipe.cohort.site in cohort else None
    write_table(confounding_table(cohort, site, asked), SIDECAR, paths.confounding)


def tell(paths: OutputPaths, progress: Progress) -> None:
    """Print what the report will say about site, age, sex and missing values."""
    for line in summary(paths):
        progress.line(line)


def summary(paths: OutputPaths) -> list[str]:
    """The summary's lines, from the files of an OUTPUT_DIR that was prepared."""
    # The report's own tables and sentences; they bring matplotlib, which `adhd-cvae --help` does without.
    from pipelines.reporting import cohort_tables, narrative
    from pipelines.reporting.results import Results

    results = Results(paths.folder)
    tables = (
        ("Site and group", cohort_tables.sites_table(results)),
        ("Age and sex by group", cohort_tables.differences_table(results, ALWAYS)),
        ("Missing values", cohort_tables.missing_table(results)),
    )
    lines = []
    for title, table in tables:
        if table is not None:
            lines += ["", *plain_table(table, title, WIDTH)]
    said = [*narrative.confounding(results), *narrative.imbalance(results)]
    lines += ["", "What this means for the analysis"]
    for sentence in said:
        lines += textwrap.wrap(sentence, WIDTH, initial_indent="- ", subsequent_indent="  ")
    return [*lines, f"All of it: {paths.confounding}"]
