"""Stage: BIDS in; cohort.tsv, folds.tsv, exclusions.tsv and the image cache out."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from adhd_cvae.cohort.confounding import confounding_table
from adhd_cvae.cohort.folds import deal_folds
from adhd_cvae.cohort.matching import balance_cohort, is_asked
from adhd_cvae.errors import ImageError, InputError
from adhd_cvae.io import MISSING, remove
from adhd_cvae.names import GROUP_LABELS
from bids_adapters.atlas import read_atlas
from bids_adapters.cohort import Cohort
from bids_adapters.derivatives import read_description
from bids_adapters.preparation import prepare_cohort, without_unusable
from bids_adapters.summary import summary_lines, why_left_out
from pipelines.background.lenders import Lenders
from pipelines.output_dir import bids_source
from pipelines.output_dir.exclusions import nothing_left
from pipelines.output_dir.folds import write_folds
from pipelines.output_dir.paths import BidsInput
from pipelines.output_dir.pictures import write_pictures
from pipelines.output_dir.provenance import Provenance, Stage, settings_of
from pipelines.output_dir.results import Results
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import COHORT, CONFLICTS, CONFOUNDING, EXCLUSIONS
from pipelines.recipes.borrowed import noted
from pipelines.recipes.checks import check_columns, check_covariates, nominal_columns

OF_TRAINING = ("image.mask_threshold", "image.standardise", "image.least_spread")
"""Image settings the cache does not depend on."""


def run(run: Run, source: BidsInput) -> None:
    """Find the participants, prepare their maps, deal them into folds.

    Raises
    ------
    InputError
        Nothing left to train on, or OUTPUT_DIR was prepared with other settings.
    """
    paths, recipe = run.paths, run.recipe
    place = bids_source.place_of(source, paths)
    read_atlas(recipe.analysis.atlas)  # used hours later
    lenders = Lenders(run)
    stage = Stage(
        name="prepare",
        settings={
            **settings_of(
                recipe, "seed", "cohort", "image", without=(*OF_TRAINING, "cohort.background_from")
            ),
            **lenders.settings,
            "BIDS_DIR": place,
            **bids_source.selection_of(source),
        },
        inputs={
            "files of BIDS_DIR": bids_source.tree_fingerprint(source.folder, paths.folder),
            **bids_source.tables_elsewhere(source),
            **lenders.inputs,
        },
        outputs=(
            *("cohort.tsv", "cohort.json", "folds.tsv", "folds.json", "exclusions.tsv", "confounding.tsv"),
            *("dataset_description.json", "cache/images.npy", "cache/manifest.json", "cache/pictures.npz"),
            *lenders.outputs,
        ),
    )
    provenance = Provenance.open(paths)

    def work() -> None:
        found = _find(run, source, paths.cache)
        healthy = lenders.find(found.kind)
        measured = bids_source.measure_heads(found, source, recipe.cohort, run.progress)
        cohort = _prepare(run, measured, source.folder)
        lent = lenders.lend(healthy, cohort.table)
        bids_source.describe_output(source, paths)
        _show_confounding(run)
        for line in summary_lines(cohort, recipe.cohort.site):
            run.progress.line(line)
        name = read_description(source.folder).get("Name")
        facts = {"inputs": bids_source.table_checksums(source), **noted(lent)}
        provenance.note(bids_dir=place, dataset=name or source.folder.name, **facts)

    provenance.perform(stage, run, work)


def preview(run: Run, source: BidsInput) -> None:
    """Say what names, tables and headers tell of the cohort; nothing is written and no voxel read.

    Raises
    ------
    InputError
        No cohort can be made of the dataset.
    """
    cohort = _find(run, source, None)
    read_atlas(run.recipe.analysis.atlas)
    cohort = _with_sound_headers(run, cohort, source.folder)
    for line in summary_lines(cohort, run.recipe.cohort.site):
        run.progress.line(line)
    if cohort.table.empty:
        raise InputError("nobody is left, for the reasons above.")
    _show_folds(run, cohort.table, _folds_of(run, cohort.table))
    run.progress.line("Nothing was written. No map was read but its header: prepare may leave out more.")


def _with_sound_headers(run: Run, cohort: Cohort, bids_dir: Path) -> Cohort:
    """Leave out the maps whose headers say that they cannot be used."""
    from adhd_cvae.images.header import check_header

    def error_of(path: Path) -> ImageError | None:
        try:
            check_header(path)
        except ImageError as error:
            return error
        return None

    with run.progress.bar("Reading headers") as tick:
        errors = []
        for done, image in enumerate(cohort.table["image"], start=1):
            errors.append(error_of(bids_dir / image))
            tick(done, len(cohort.table))
    return without_unusable(cohort, errors)


def _find(run: Run, source: BidsInput, index_cache: Path | None) -> Cohort:
    """Bring maps and phenotype together; columns that the recipe names and nobody has are named at once."""
    cohort = bids_source.find_cohort(source, run.recipe.cohort, run.progress, index_cache=index_cache)
    if cohort.kind is not None:
        other = list(cohort.exclusions["reason"]).count("other_kind")
        run.progress.line(
            f"maps: {cohort.kind.describe()}" + (f"; {other} of other kinds left out" if other else "")
        )
    if around := bids_source.tables_elsewhere(source):
        run.progress.line(f"phenotype from outside of BIDS_DIR: {', '.join(around)}")
    for warning in check_columns(cohort.table, run.recipe.cohort.site, run.recipe.analysis):
        run.progress.warning(warning)
    return cohort


def _prepare(run: Run, found: Cohort, bids_dir: Path) -> Cohort:
    """Prepare the maps, then write the tables; the cohort has the maps of the cache, in their order."""
    paths, recipe = run.paths, run.recipe
    remove(paths.conflicts)
    if len(found.conflicts):
        CONFLICTS.write(found.conflicts, paths.conflicts)
    cohort = _balanced_maps(run, found, bids_dir)
    table, exclusions = cohort.table, cohort.exclusions
    EXCLUSIONS.write(exclusions, paths.exclusions)
    if table.empty:
        raise InputError(*nothing_left(exclusions))
    _keep_pictures(run, found.table, exclusions, bids_dir)
    COHORT.check(table, paths.cohort)
    COHORT.write(table, paths.cohort, cohort.columns)
    folds = _folds_of(run, table)
    write_folds(table, folds, paths)
    scales = {one.name: one.scale for one in recipe.analysis.variables if one.name != recipe.cohort.group}
    site = recipe.cohort.site if recipe.cohort.site in table else None
    CONFOUNDING.write(confounding_table(table, site, scales), paths.confounding)
    _show_participants(run, cohort, folds)
    _show_conflicts(run, cohort.conflicts)
    return cohort


def _folds_of(run: Run, table: pd.DataFrame) -> pd.Series:
    asked = run.recipe.cohort
    return deal_folds(
        *(table, asked.folds, run.recipe.seed, asked.site),
        groups=asked.fold_groups,
        minimum=asked.minimum_group,
    )


def _balanced_maps(run: Run, cohort: Cohort, bids_dir: Path) -> Cohort:
    """Balance the groups, then prepare the maps of who is left; where one cannot be used, balance without it."""
    settings = run.recipe.cohort
    while True:
        nominal = nominal_columns(cohort, run.recipe.analysis.variables)
        kept, gone = balance_cohort(cohort.table, settings, nominal, run.recipe.seed)
        exclusions = (
            pd.concat([cohort.exclusions, gone], ignore_index=True) if len(gone) else cohort.exclusions
        )
        if len(kept):  # before hours of reading maps
            EXCLUSIONS.write(exclusions, run.paths.exclusions)
            check_covariates(kept, _folds_of(run, kept), settings)
        with run.progress.bar("Preparing maps") as tick:
            balanced = replace(cohort, table=kept, exclusions=exclusions)
            usable = prepare_cohort(balanced, bids_dir, run.recipe.image, run.paths.cache, tick)
        if len(usable.table) == len(kept) or not is_asked(settings):
            return usable
        names = cohort.table["participant_id"]
        broken = ~names.isin(usable.table["participant_id"]) & names.isin(kept["participant_id"])
        of_image = pd.DataFrame(usable.exclusions[usable.exclusions["stage"] == "image"])
        cohort = replace(
            cohort,
            table=pd.DataFrame(cohort.table[~broken]).reset_index(drop=True),
            exclusions=pd.concat([cohort.exclusions, of_image]).drop_duplicates(ignore_index=True),
        )


def _keep_pictures(run: Run, table: pd.DataFrame, exclusions: pd.DataFrame, bids_dir: Path) -> None:
    """Keep slices of the maps refused and of the outliers."""
    from adhd_cvae.images.cache import open_images

    image_of = dict(zip(table["participant_id"], table["image"], strict=True))
    refused = exclusions[exclusions["stage"] == "image"]
    turn = refused.groupby("reason").cumcount().sort_values(kind="stable")  # one of each reason first
    refused = refused.loc[turn.index]
    left_out = [
        (bids_dir / image_of[name], reason)
        for name, reason in zip(refused["participant_id"], refused["reason"], strict=True)
    ]
    with run.progress.bar("Looking for outliers") as tick:
        images = open_images(run.paths.cache)
        write_pictures(left_out, images, run.recipe.image, run.paths.pictures, tick)


def _show_participants(run: Run, cohort: Cohort, folds: pd.Series) -> None:
    counts = Counter(cohort.table["group"])
    words = " and ".join(f"{counts[group]} {label}" for group, label in GROUP_LABELS.items())
    run.progress.line(f"prepare: {len(cohort.table)} participants, {words}")
    _show_folds(run, cohort.table, folds)
    if out := why_left_out(cohort):
        reasons = ", ".join(f"{number} {reason}" for reason, number in out.most_common())
        run.progress.warning(f"{out.total()} left out ({reasons}); see {run.paths.exclusions}")


def _show_folds(run: Run, table: pd.DataFrame, folds: pd.Series) -> None:
    """Say how many of each group a fold holds out, whether there are fewer folds than asked for, what is constant."""
    count, asked = folds.nunique(), run.recipe.cohort.folds
    held = {
        label: np.bincount(folds[table["group"] == group], minlength=count)
        for group, label in GROUP_LABELS.items()
    }
    words = " and ".join(f"{_range(sizes.min(), sizes.max())} {label}" for label, sizes in held.items())
    run.progress.line(f"folds: {count}, each of {words}, held out in turn")
    if isinstance(asked, int) and count < asked:
        run.progress.warning(
            f"cohort.folds is {asked}, but the smaller group can be held out in {count} parts only: {count} folds"
        )
    for line in check_covariates(table, folds, run.recipe.cohort):
        run.progress.line(line)


def _range(least: int, most: int) -> str:
    return f"{least}" if least == most else f"{least} to {most}"


def _show_conflicts(run: Run, conflicts: pd.DataFrame) -> None:
    open_ones, resolved = (
        conflicts.loc[conflicts["used"] == used, "participant_id"].nunique() for used in (MISSING, "yes")
    )
    see = f"see {run.paths.conflicts}"
    if open_ones:
        run.progress.warning(
            f"phenotype tables disagree about {open_ones} participants, who are left out unless --prefer FILE says "
            f"which to trust; {see}"
        )
    if resolved:
        run.progress.line(f"disagreements about {resolved} participants settled by --prefer; {see}")


def _show_confounding(run: Run) -> None:
    # The report's sections bring matplotlib: only now.
    from pipelines.report.sections.confounding import terminal_lines

    for line in [*terminal_lines(Results(run.paths.folder)), f"All of it: {run.paths.confounding}"]:
        run.progress.line(line)
