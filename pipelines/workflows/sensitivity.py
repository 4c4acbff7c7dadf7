"""What a cohort could have shown: known effects planted in its own controls, and nothing planted, through the chain."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from adhd_cvae.cohort.covariates import chosen_covariates
from adhd_cvae.config import Recipe, SensitivityConfig
from adhd_cvae.errors import InputError
from adhd_cvae.io import fingerprint, write_json
from adhd_cvae.names import BACKGROUND, TARGET
from bids_adapters.cohort import Cohort, build_cohort, measure_head_size
from bids_adapters.images.filter import read_filter_file
from bids_adapters.phenotype.groups import find_group_column
from bids_adapters.planting import prepare_planting
from bids_adapters.preparation import prepare_cohort
from pipelines.background.lenders import Lenders
from pipelines.compute import workers
from pipelines.output_dir.bids_source import (
    describe_output,
    place_of,
    table_checksums,
    tables_elsewhere,
    tree_fingerprint,
)
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.provenance import Provenance, Stage, settings_of
from pipelines.output_dir.results import SensitivityFacts
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import FALSE_POSITIVES, POWER, SMALLEST
from pipelines.recipes.borrowed import Source
from pipelines.sensitivity.cells import Laboratory, cells_of
from pipelines.sensitivity.pseudo_cohorts import Dealer
from pipelines.sensitivity.summary import tables

NAME = "sensitivity"
_HOW_MANY = tuple(f"sensitivity.{one}" for one in ("cohens_d", "fractions", "cohorts", "null_cohorts"))
"""Settings that change which cohorts there are, and none of them."""


@dataclass(frozen=True)
class _Asked:
    """One call.

    Attributes
    ----------
    run
        Where results go, with which settings.
    source
        The dataset.
    quick
        Whether fewer cohorts give a first answer.
    """

    run: Run
    source: BidsInput
    quick: bool

    @cached_property
    def own(self) -> Run:
        """The same for the folder of the controls' maps, where nothing is published."""
        return self._below("cache/controls")

    @cached_property
    def borrowing(self) -> Run:
        """The same for that of everybody's, in which it is seen whether what is borrowed fits."""
        return self._below("cache/borrowing")

    def _below(self, name: str) -> Run:
        return replace(self.run, paths=OutputPaths(self.run.paths.sensitivity / name))

    @property
    def config(self) -> SensitivityConfig:
        """How many cohorts of which effects."""
        return self.run.recipe.sensitivity.first_answer() if self.quick else self.run.recipe.sensitivity


def run(
    run: Run, source: BidsInput, *, quick: bool = False, jobs: int | None = None, dask: str | None = None
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

    Raises
    ------
    InputError
        Too few controls, an effect that is larger than its region, or a dataset that is none.
    """
    asked, recipe = _Asked(run, source, quick), run.recipe
    place, bids_filter = place_of(source, run.paths), read_filter_file(source.filter_file)
    lenders = Lenders(asked.borrowing)
    settings = {
        **settings_of(
            recipe, *("seed", "cohort", "image", "model", "analysis.separation", "analysis.permute_within")
        ),
        **settings_of(recipe, "sensitivity", without=_HOW_MANY),
        "BIDS_DIR": place,
        "--participant-label": sorted(label.removeprefix("sub-") for label in source.labels),
        "--bids-filter-file": bids_filter,
        "--prefer": None if source.prefer is None else source.prefer.name,
    }
    inputs = {
        "files of BIDS_DIR": tree_fingerprint(source.folder, run.paths.folder),
        **tables_elsewhere(source),
        **lenders.inputs,
    }
    stage = Stage(
        NAME,
        settings,
        inputs
        | {"cohorts that are asked for": fingerprint(settings_of(recipe, *_HOW_MANY) | {"quick": quick})},
        outputs=tuple(
            f"{NAME}/{one}"
            for one in ("power.tsv", "smallest.tsv", "false_positives.tsv", "sensitivity.json")
        ),
    )
    provenance = Provenance.open(run.paths)

    def work() -> None:
        found = _find(asked, bids_filter)
        laboratory, lent = _laboratory(asked, found, lenders, fingerprint([settings, inputs]))
        with workers(dask):
            cells = laboratory.measure(cells_of(asked.config, borrows=bool(lent)), run.progress, jobs)
        _write(asked, found.table, cells, lent)
        describe_output(source, run.paths)
        provenance.note(bids_dir=place, inputs=table_checksums(source))

    provenance.perform(stage, run, work)
    return ""


def _find(asked: _Asked, bids_filter: dict[str, Any] | None) -> Cohort:
    """Everybody who is a patient or a control; where no column tells, everybody is a control."""
    run, source = asked.run, asked.source
    with run.progress.bar("Looking for maps and phenotype"):
        found = build_cohort(
            source.folder,
            run.recipe.cohort,
            participant_labels=source.labels,
            bids_filter=bids_filter,
            prefer=source.prefer,
            require_groups=False,
        )
    if find_group_column(found.table, run.recipe.cohort) is None:
        run.progress.line(f"no column {run.recipe.cohort.group}: everybody is taken for a control")
        found = replace(found, table=found.table.assign(group=BACKGROUND))
    known = found.table["group"].isin([TARGET, BACKGROUND])
    found = replace(found, table=pd.DataFrame(found.table[known]).reset_index(drop=True))
    controls = int((found.table["group"] == BACKGROUND).sum())
    _check_count(controls, run.recipe)
    if not found.volumes:
        return found
    with run.progress.bar("Measuring heads") as tick:
        return measure_head_size(
            found, source.folder, run.recipe.cohort, lambda done, total: tick(done, total, "")
        )


def _check_count(controls: int, recipe: Recipe) -> None:
    if controls < (least := recipe.sensitivity.fewest_controls):
        raise InputError(
            f"{controls} controls with a usable map were found, and cohorts are made of at least {least} "
            "(sensitivity.fewest_controls). Add controls, or name the codes of those that there are: "
            "--set 'cohort.background=[…]'."
        )


def _notes(everybody: pd.DataFrame, recipe: Recipe) -> list[str]:
    """What this cohort cannot be asked, or not as well."""
    controls, patients = ((everybody["group"] == one).sum() for one in (BACKGROUND, TARGET))
    dealer, notes = Dealer(everybody, recipe.cohort), []
    apart = [site for site, share in dealer.shares.items() if share in (0, 1)]
    if controls < recipe.sensitivity.usual_controls:
        notes.append(
            f"{controls} controls are few: cohorts made of them say little of larger ones, and are much alike."
        )
    if not patients:
        notes.append(
            "There are no patients: half of the controls of every site stand for them, whoever they are."
        )
    elif not dealer.has_both:
        notes.append(
            "No site has patients and controls: half of the controls of every site stand for patients, which is not "
            "how the groups of this cohort differ. Its own comparison cannot tell groups from sites."
        )
    elif apart:
        notes.append(f"Sites with one group alone, where nobody stands for a patient: {', '.join(apart)}.")
    return notes


def _laboratory(asked: _Asked, found: Cohort, lenders: Lenders, key: str) -> tuple[Laboratory, list[Source]]:
    """Prepare the controls' maps and what can be planted in them, and bring what is borrowed to their grid."""
    run, bids_dir, lent = asked.run, asked.source.folder, []
    recipe, folder = run.recipe, run.paths.sensitivity.resolve()
    if recipe.cohort.background_from:
        healthy = lenders.find(found.kind)
        everybody = _prepared(asked.borrowing, found, bids_dir, "Preparing everybody's maps")
        lent = lenders.lend(healthy, everybody.table)
    is_control = found.table["group"] == BACKGROUND
    controls = replace(found, table=pd.DataFrame(found.table[is_control]).reset_index(drop=True))
    usable = _prepared(asked.own, controls, bids_dir, "Preparing controls' maps").table
    _check_count(len(usable), recipe)
    with run.progress.bar("Preparing what is planted") as tick:
        prepare_planting(
            *(usable, bids_dir, recipe.image, recipe.sensitivity, asked.own.paths.cache),
            lambda done, total: tick(done, total, ""),
        )
    table = pd.concat([usable, found.table[~is_control]], ignore_index=True)
    constant = chosen_covariates(table, recipe.cohort)
    settings = recipe.cohort.model_copy(update={"covariates": constant})
    training = recipe.training.model_copy(update={"vae": False})
    of_cells = recipe.model_copy(update={"cohort": settings, "training": training})
    places = (
        folder.parent,
        folder / "cells" / key[:16],
        asked.own.paths.cache,
        asked.borrowing.paths.borrowed,
    )
    return Laboratory(*(one.resolve() for one in places), of_cells, table), lent


def _prepared(run: Run, cohort: Cohort, bids_dir: Path, name: str) -> Cohort:
    with run.progress.bar(name) as tick:
        return prepare_cohort(
            *(cohort, bids_dir, run.recipe.image, run.paths.cache), lambda done, total: tick(done, total, "")
        )


def _write(asked: _Asked, everybody: pd.DataFrame, cells: pd.DataFrame, lent: list[Source]) -> None:
    """Write the tables, and what they are of."""
    paths, recipe, n = asked.run.paths, asked.run.recipe, len(everybody)
    count = sum(one.reference.count for one in lent)
    found = tables(cells, n, count)
    POWER.write(found["power"], paths.power)
    SMALLEST.write(found["smallest"], paths.smallest)
    FALSE_POSITIVES.write(found["false_positives"], paths.false_positives)
    largest = cells.loc[cells["n"].idxmax()]
    facts = SensitivityFacts(
        n=n,
        patients=int((everybody["group"] == TARGET).sum()),
        cohort_n=int(largest["n"]),
        cohort_patients=int(largest["patients"]),
        controls=int((everybody["group"] == BACKGROUND).sum()),
        references=[one.name for one in lent],
        lent=count,
        severities=list(recipe.sensitivity.severities),
        quick=asked.quick,
        notes=_notes(everybody, recipe),
    )
    write_json(dict(facts), paths.sensitivity_facts)
