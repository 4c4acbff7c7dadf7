"""What a cohort could have shown: known effects planted in its own controls, and nothing planted, through the chain."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from adhd_cvae.errors import InputError
from adhd_cvae.io import fingerprint, write_json
from bids_adapters.planted import check_target
from pipelines.compute import workers
from pipelines.mlflow_tracking.environment import check_store, mlflow_environment
from pipelines.output_dir import bids_source
from pipelines.output_dir.paths import BidsInput
from pipelines.output_dir.provenance import Provenance, Stage, settings_of
from pipelines.output_dir.results import Results, SensitivityFacts
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import FALSE_POSITIVES, POWER, SMALLEST
from pipelines.sensitivity.cells import Cell, cells_of
from pipelines.sensitivity.export import export_planted
from pipelines.sensitivity.preparation import Prepared, counts, lenders_of, prepare
from pipelines.sensitivity.summary import tables

NAME = "sensitivity"
_OF_COHORTS = (
    "seed",
    "cohort",
    "image",
    "model",
    "sensitivity",
    "analysis.separation",
    "analysis.permute_within",
)
_HOW_MANY = tuple(f"sensitivity.{one}" for one in ("cohens_d", "fractions", "cohorts", "null_cohorts"))
"""Settings that change which cohorts there are, and none of them."""


def run(
    run: Run,
    source: BidsInput,
    *,
    quick: bool = False,
    jobs: int | None = None,
    dask: str | None = None,
    export: Path | None = None,
) -> str:
    """Make the cohorts, the tables and the figures, and log them; return what a terminal shows.

    Parameters
    ----------
    quick
        Fewer cohorts, for a first answer.
    jobs
        Cohorts at a time, all cores where None. The numbers do not depend on it.
    dask
        Scheduler of a cluster that measures them.
    export
        Only write one cohort there, with the largest of the effects planted, as a BIDS dataset.

    Raises
    ------
    InputError
        Too few controls, an effect that is larger than its region, a dataset that is none, OUTPUT_DIR holds the results
        of another one or was asked with other settings, or `export` holds something or is in a dataset.
    """
    if export is not None:
        return _export(run, source, export)
    check_store(run.paths.folder)
    paths, recipe, provenance = run.paths, run.recipe, _opened(run, source)
    settings, inputs = _decides(run, source)
    asked = recipe.sensitivity.first_answer() if quick else recipe.sensitivity
    how_many = fingerprint(settings_of(recipe.model_copy(update={NAME: asked}), *_HOW_MANY))
    files = ("power.tsv", "smallest.tsv", "false_positives.tsv", "sensitivity.json")
    stage = Stage(
        NAME,
        settings,
        {**inputs, "cohorts that are asked for": how_many},
        outputs=tuple(f"{NAME}/{one}" for one in files),
        is_aside=True,
    )

    def work() -> None:
        prepared = prepare(run, source, fingerprint([settings, inputs]))
        cells = cells_of(asked, borrows=bool(prepared.lent))
        with workers(dask):
            found = prepared.laboratory.measure(cells, run.progress, jobs)
        _write(run, prepared, found, quick=quick)
        bids_source.describe_output(source, paths)
        if "prepare" not in provenance.stages:
            provenance.note(
                bids_dir=bids_source.place_of(source, paths), inputs=bids_source.table_checksums(source)
            )

    provenance.perform(stage, run, work)
    return _shown(run)


def _export(run: Run, source: BidsInput, target_dir: Path) -> str:
    check_target(target_dir, source.folder)
    _opened(run, source)
    laboratory, controls, *_ = prepare(run, source, fingerprint(_decides(run, source)))
    cell = Cell(max(run.recipe.sensitivity.cohens_d), 1.0, borrows=False, seed=run.recipe.seed)
    rows, plan = laboratory.plan(cell)
    dealt = replace(controls, table=controls.table.iloc[rows].reset_index(drop=True))
    settings = run.recipe.sensitivity, run.recipe.cohort
    export_planted(dealt, source.folder, target_dir, plan, settings, run.progress, seed=run.recipe.seed)
    return (
        f"Planted cohort   {target_dir}: {len(rows)} controls, in {plan.is_patient.sum()} of whom effects of "
        f"d = {cell.cohens_d:g} were planted\nTruth            {target_dir / 'sourcedata' / 'truth'}"
    )


def _opened(run: Run, source: BidsInput) -> Provenance:
    """What was done in OUTPUT_DIR; results of another dataset, or of healthy anatomy to borrow, are refused."""
    provenance, place = Provenance.open(run.paths), bids_source.place_of(source, run.paths)
    other = provenance.content.get("bids_dir", place)
    if other != place or "background" in provenance.stages:
        raise InputError(
            f"{run.paths.folder} holds results of {other}, not of the cohort {place}. Choose another OUTPUT_DIR."
        )
    return provenance


def _decides(run: Run, source: BidsInput) -> tuple[dict[str, Any], dict[str, str]]:
    """Settings and inputs that decide what a cohort is."""
    lenders = lenders_of(run)
    settings = {
        **settings_of(run.recipe, *_OF_COHORTS, without=(*_HOW_MANY, "cohort.background_from")),
        **lenders.settings,
        "BIDS_DIR": bids_source.place_of(source, run.paths),
        **bids_source.selection_of(source),
    }
    tree = bids_source.tree_fingerprint(source.folder, run.paths.folder)
    return settings, {"files of BIDS_DIR": tree, **bids_source.tables_elsewhere(source), **lenders.inputs}


def _write(run: Run, prepared: Prepared, cells: pd.DataFrame, *, quick: bool) -> None:
    """Write the tables, and what they are of."""
    paths, everybody = run.paths, prepared.laboratory.everybody
    lent = sum(one.reference.count for one in prepared.lent)
    found = tables(cells, len(everybody), lent)
    POWER.write(found["power"], paths.power)
    SMALLEST.write(found["smallest"], paths.smallest)
    FALSE_POSITIVES.write(found["false_positives"], paths.false_positives)
    patients, controls = counts(everybody)
    facts = SensitivityFacts(
        n=len(everybody),
        patients=patients,
        cohort_n=cells["n"].to_numpy(int).max().item(),
        cohort_patients=cells["patients"].to_numpy(int).max().item(),
        controls=controls,
        references=[one.name for one in prepared.lent],
        lent=lent,
        severities=list(run.recipe.sensitivity.severities),
        quick=quick,
        notes=prepared.notes,
    )
    write_json(dict(facts), paths.sensitivity_facts)


@mlflow_environment()
def _shown(run: Run) -> str:
    """Plot and log what was found; give it in words."""
    from pipelines.mlflow_tracking.sensitivity_publication import publish_sensitivity
    from pipelines.report.sensitivity import show

    words = show(Results(run.paths.folder))
    published = publish_sensitivity(Results(run.paths.folder), run.progress)
    return "\n".join([*words, f"Tables           {run.paths.sensitivity}", published])
