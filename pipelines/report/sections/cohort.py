"""Who was analysed, and who was left out: counts and single maps, never a participant's row."""

import numpy as np
from matplotlib.figure import Figure

from adhd_cvae.figures import cohort
from adhd_cvae.names import GROUP_LABELS
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, words
from pipelines.report.section import holds, read_section


def count_left_out(results: Results) -> int:
    """Participants named in exclusions.tsv who are not in the cohort."""
    if results.exclusions is None or results.cohort is None:
        return 0
    named = set(results.exclusions["participant_id"].dropna())
    return len(named - set(results.cohort["participant_id"]))


def _flow(results: Results) -> Figure | None:
    if results.cohort is None:
        return None
    left_out = count_left_out(results)
    return cohort.participant_flow(
        len(results.cohort) + left_out, left_out, results.cohort, results.fold_of_each
    )


def _exclusions(results: Results) -> Figure | None:
    return None if results.exclusions is None else cohort.exclusion_counts(results.exclusions)


def _exclusions_maps(results: Results) -> Figure | None:
    reasons = results.pictures.get("excluded_reason", np.empty(0))
    if not len(reasons):
        return None
    return cohort.mosaic(
        results.pictures["excluded"], list(map(words, reasons)), results.pictures.get("template")
    )


def _outliers(results: Results) -> Figure | None:
    distances = results.pictures.get("outlier_distance", np.empty(0))
    if not len(distances):
        return None
    labels = [f"{rank}: {distance:.2f} SD" for rank, distance in enumerate(distances, start=1)]
    return cohort.mosaic(results.pictures["outlier"], labels)


def _age_sex(results: Results) -> Figure | None:
    table = results.cohort
    if table is None or not (holds(table, "age") and holds(table, "sex")):
        return None
    return cohort.age_and_sex(table, results.levels("sex"))


def _groups_table(results: Results) -> ReportTable | None:
    """Size of each group, and how many of it a fold holds out."""
    if results.cohort is None:
        return None
    members = [(results.cohort["group"] == group).to_numpy() for group in GROUP_LABELS]
    rows = [["participants", *(str(one.sum()) for one in members)]]
    if folds := results.fold_of_each:
        name = f"held out in each of {len(set(folds))} folds"
        rows.append([name, *(cohort.held_out(folds, one) for one in members)])
    return ReportTable("The cohort.", ("", *GROUP_LABELS.values()), {"": rows}, title="Groups and folds")


def _exclusions_table(results: Results) -> ReportTable | None:
    """How many were left out at each stage, by reason; nobody is named."""
    if results.exclusions is None:
        return None
    counts = results.exclusions.groupby(["stage", "reason"]).size()
    rows = [
        [words(reason), str(stage), str(size)]
        for (stage, reason), size in counts.items()  # pyright: ignore[reportGeneralTypeIssues]
    ]
    caption = "Left out. Who, and the detail, is in exclusions.tsv."
    return ReportTable(caption, ("reason", "stage", "rows"), {"": rows}, title="Reasons for leaving out")


SECTION = read_section(
    __file__,
    {
        "flow": _flow,
        "exclusions": _exclusions,
        "exclusions_maps": _exclusions_maps,
        "outliers": _outliers,
        "age_sex": _age_sex,
    },
    tables=(_groups_table, _exclusions_table),
)
