"""Healthy anatomy learnt for others to borrow: maps in, one reference out that names nobody."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adhd_cvae.cohort.covariates import site_codes
from adhd_cvae.errors import InputError
from adhd_cvae.figures import statistics
from adhd_cvae.figures.style import save_figure
from adhd_cvae.images.cache import open_images
from adhd_cvae.models.membership import Membership, membership_curve, shareable_axes
from adhd_cvae.models.reference_background import (
    Reference,
    merge_references,
    truncated,
)
from adhd_cvae.models.reference_file import load_reference, save_reference
from adhd_cvae.names import BACKGROUND
from bids_adapters.cohort import Cohort
from bids_adapters.derivatives import read_description
from bids_adapters.preparation import prepare_cohort
from pipelines.background.facts import TERMS, counts_of, described, described_alike
from pipelines.background.healthy import check_count, find_healthy
from pipelines.background.learning import learnt
from pipelines.mlflow_tracking.environment import check_store, mlflow_environment
from pipelines.output_dir import bids_source
from pipelines.output_dir.exclusions import nothing_left
from pipelines.output_dir.paths import BidsInput
from pipelines.output_dir.provenance import Provenance, Stage, settings_of
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import COHORT, EXCLUSIONS, MEMBERSHIP
from pipelines.stages.prepare import OF_TRAINING

NAME = "background"
_COHORT = ("group", "target", "background", "site", "kind_coverage", "foreign_share")
_CURVE = "membership.svg"
_FILES = ("reference.safetensors", "reference.json")


def run(run: Run, source: BidsInput, *, shareable: bool = False, site_names: bool = False) -> str:
    """Learn it from a dataset's healthy participants, then log and register it; return what a terminal shows.

    Parameters
    ----------
    shareable
        Keep so few axes that members are hardly told from others.
    site_names
        Whether the reference may name its sites.

    Raises
    ------
    InputError
        Too few healthy participants, a folder of other results, or nothing that may be shared.
    """
    paths, recipe, provenance = run.paths, run.recipe, _opened(run)
    place = bids_source.place_of(source, paths)
    own = tuple(one for one in OF_TRAINING if one != "image.mask_threshold")
    stage = Stage(
        name=NAME,
        settings={
            **settings_of(recipe, "seed", *(f"cohort.{one}" for one in _COHORT)),
            **settings_of(recipe, "image", "reference", without=own),
            "BIDS_DIR": place,
            **bids_source.selection_of(source),
            "--shareable": shareable,
            "--site-names": site_names,
        },
        inputs={
            "files of BIDS_DIR": bids_source.tree_fingerprint(source.folder, paths.folder),
            **bids_source.table_checksums(source),
        },
        outputs=(
            *("cohort.tsv", "cohort.json", "exclusions.tsv", "dataset_description.json", "cache/images.npy"),
            *("cache/manifest.json", "membership.tsv", "membership.json", f"figures/{_CURVE}", *_FILES),
        ),
    )

    def work() -> None:
        cohort = _healthy(run, source)
        bids_source.describe_output(source, paths)
        name = str(read_description(source.folder).get("Name") or source.folder.name)
        sites = site_codes(cohort.table, recipe.cohort.site)
        known = described(cohort, recipe.image, name, sites, site_names=site_names)
        _learn(run, cohort, known, shareable=shareable)
        provenance.note(bids_dir=place, dataset=name, inputs=bids_source.table_checksums(source))

    provenance.perform(stage, run, work)
    return _published(run)


def merge(run: Run, parts: Sequence[Path]) -> str:
    """Put together what was learnt apart, then log and register it; return what a terminal shows.

    Raises
    ------
    InputError
        A part is none, or they were not made alike.
    """
    paths, found = run.paths, [load_reference(part) for part in parts]
    provenance, references = _opened(run), [reference for reference, _ in found]
    checksums = {f"part {number}": one.checksum for number, one in enumerate(references, start=1)}
    settings = {**settings_of(run.recipe, "reference.most_axes"), "--merge": len(parts)}

    def work() -> None:
        known = described_alike(parts, [facts for _, facts in found])
        every = merge_references(references, most_axes=sum(len(one.axes) for one in references))
        merged = truncated(every, run.recipe.reference.most_axes)
        lost = {
            "lost_by_parts": max(1 - every.explained, 0.0),
            "lost_by_merging": every.explained - merged.explained,
        }
        save_reference(merged, paths.folder, {**known, **counts_of(merged), **lost})
        run.progress.line(
            f"merged: {merged.count} participants of {len(parts)} references; count, mean, total variance are exact. "
            f"{len(merged.axes)} axes hold {merged.explained:.1%} of it; the parts had cut off "
            f"{lost['lost_by_parts']:.1%}, of which a reference learnt from everybody could hold some, and merging "
            f"{lost['lost_by_merging']:.1%}"
        )

    provenance.perform(Stage(NAME, settings, checksums, _FILES), run, work)
    return _published(run)


def _opened(run: Run) -> Provenance:
    provenance = Provenance.open(run.paths)
    if other := sorted(provenance.stages.keys() - {NAME}):
        raise InputError(
            f"{run.paths.folder} holds results of {', '.join(other)}. Choose another OUTPUT_DIR for the background."
        )
    check_store(run.paths.folder)
    return provenance


def _healthy(run: Run, source: BidsInput) -> Cohort:
    """Find the healthy participants and prepare their maps."""
    paths = run.paths
    found = find_healthy(run, source, paths.cache)
    _check_count(run, found)
    with run.progress.bar("Preparing maps") as tick:
        cohort = prepare_cohort(found, source.folder, run.recipe.image, paths.cache, tick)
    EXCLUSIONS.write(cohort.exclusions, paths.exclusions)
    _check_count(run, cohort)
    COHORT.write(cohort.table.assign(group=BACKGROUND), paths.cohort, cohort.columns)
    return cohort


def _check_count(run: Run, cohort: Cohort) -> None:
    """Refuse too few, and say why nobody is left."""
    try:
        check_count(run, len(cohort.table))
    except InputError as error:
        reasons = nothing_left(cohort.exclusions)[:-1] if cohort.table.empty else []
        raise InputError(*reasons, *error.problems) from None


def _learn(run: Run, cohort: Cohort, known: dict[str, Any], *, shareable: bool) -> None:
    """Fit the reference, ask it for its members, and write both."""
    recipe, progress = run.recipe, run.progress
    reference, moments = learnt(run, open_images(run.paths.cache), cohort.table)
    with progress.bar("Asking it for its members") as tick:
        curve = membership_curve(moments.gram, recipe.reference, recipe.seed, tick)
    if shareable:
        reference = _kept(run, reference, curve)
    kept = [len(reference.axes) == one.axes for one in curve]
    table = pd.DataFrame(curve).assign(kept=np.array(kept, int))
    MEMBERSHIP.write(table, run.paths.membership)
    save_figure(statistics.membership_curve(table), run.paths.figures / _CURVE)
    found = _at(curve, len(reference.axes))
    asked = {"membership_auc": round(found.auc, 4), "explained_of_others": round(found.explained, 4)}
    facts = {"terms": TERMS[shareable], **asked}
    save_reference(reference, run.paths.folder, {**known, **counts_of(reference), **facts})
    progress.line(
        f"background: {reference.count} healthy participants at {known['sites']} sites; {len(reference.axes)} axes "
        f"hold {reference.explained:.1%} of their variance, {found.axes} hold {found.explained:.1%} of others'"
    )
    progress.line(
        f"{TERMS[shareable]}: members are told from others with AUC {found.auc:.2f}; see membership.tsv"
    )


def _kept(run: Run, reference: Reference, curve: Sequence[Membership]) -> Reference:
    """Keep the axes that may be shared, and say what that costs."""
    limit = run.recipe.reference.shareable_auc
    axes = shareable_axes(list(curve), limit)
    if axes == 0:
        raise InputError(
            f"with {reference.count} participants {curve[0].axes} axis already tells members with AUC "
            f"{curve[0].auc:.2f}, expected at most {limit:g} (reference.shareable_auc). Learn from more "
            "participants, or without --shareable, for use under a data-use agreement."
        )
    few, every = _at(curve, axes), _at(curve, len(reference.axes))
    run.progress.line(
        f"--shareable keeps {axes} of {len(reference.axes)} axes: members are told with AUC {few.auc:.2f} instead of "
        f"{every.auc:.2f}, and the axes hold {few.explained:.1%} of others' variance instead of {every.explained:.1%}"
    )
    return truncated(reference, axes)


def _at(curve: Sequence[Membership], axes: int) -> Membership:
    """The point of a curve for so many axes: the last that has no more."""
    return [one for one in curve if one.axes <= axes][-1]


@mlflow_environment()
def _published(run: Run) -> str:
    from pipelines.mlflow_tracking.reference_publication import publish_reference

    published = publish_reference(run.paths.folder, run.progress)
    return f"Reference        {run.paths.folder / _FILES[0]}\n{published}"
