"""The participant level: new participants embedded with a registered model; nothing is trained."""

import os
from typing import Any

import numpy as np
import pandas as pd

from adhd_cvae.cohort import TEST
from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.files import write_tsv
from bids_adapters.assemble import build_cohort
from bids_adapters.derivatives import write_table
from pipelines.bids_source import describe_output
from pipelines.embed import two_spaces, write_distances, write_posteriors
from pipelines.paths import BidsInput, OutputPaths
from pipelines.prepare import (
    SPLIT,
    nothing_left,
    prepare_maps,
    read_filter_file,
    tree_fingerprint,
)
from pipelines.progress import Progress
from pipelines.record import RunRecord, Stage


def run(
    paths: OutputPaths, source: BidsInput, model_uri: str, progress: Progress, overwrite: bool = False
) -> None:
    """Embed every participant of BIDS_DIR with the model; write cohort.tsv, latents, draws and distances.

    Raises
    ------
    InputError
        No such model or folder, nobody left, or OUTPUT_DIR holds something made with another model.
    """
    if not source.folder.is_dir():
        raise InputError(
            f"there is no folder {source.folder}. Expected a BIDS dataset with gray-matter maps."
        )
    from pipelines.registry import load_registered
    from pipelines.tracking import find_store

    loaded = load_registered(model_uri, find_store(paths.folder))
    model = loaded.unwrap_python_model()
    if not hasattr(model, "reference"):
        raise InputError(f"{model_uri} was registered by an earlier version. Train, or publish, it again.")
    bids_filter = read_filter_file(source.filter_file)
    place = os.path.relpath(source.folder.resolve(), paths.folder.resolve())
    # The grid is the model's; the groups of new participants need not be known.
    recipe = Recipe(name="participant", image=model.image)
    stage = Stage(
        name="participant",
        settings={
            "--model": str(loaded.metadata.model_uuid),
            "BIDS_DIR": place,
            "--participant-label": sorted(label.removeprefix("sub-") for label in source.labels),
            "--bids-filter-file": bids_filter,
        },
        inputs={"files of BIDS_DIR": tree_fingerprint(source.folder, paths.folder)},
        outputs=("cohort.tsv", "latents.tsv", "draws.npz", "distances.tsv", "exclusions.tsv"),
    )
    record = RunRecord.open(paths)
    _refuse_group_results(record, paths)

    def work() -> None:
        _embed(paths, source, recipe, model, bids_filter, progress)
        record.note(bids_dir=place, model=model_uri)

    record.perform(stage, recipe, work, progress, overwrite)


def _refuse_group_results(record: RunRecord, paths: OutputPaths) -> None:
    """A group's results are not to be replaced by another cohort's embedding."""
    if "train" in record.stages:
        raise InputError(
            f"{paths.folder} holds the results of a group. "
            "Choose another OUTPUT_DIR for the participant level."
        )


def _embed(
    paths: OutputPaths,
    source: BidsInput,
    recipe: Recipe,
    model: Any,
    bids_filter: dict[str, Any] | None,
    progress: Progress,
) -> None:
    from adhd_cvae.dataset import open_images
    from adhd_cvae.latents import embed
    from adhd_cvae.prediction import residuals

    cohort = build_cohort(
        source.folder,
        recipe.cohort,
        participant_labels=source.labels,
        bids_filter=bids_filter,
        prefer=source.prefer,
        require_groups=False,
        index_cache=paths.cache,
    )
    table, exclusions = prepare_maps(cohort, source.folder, recipe, paths, progress)
    write_tsv(exclusions, paths.exclusions)
    if table.empty:
        raise InputError(*nothing_left(exclusions))
    # Nobody here was trained on.
    table.insert(list(table.columns).index("image") + 1, "split", TEST)
    table = table.assign(group=table["group"].replace("", np.nan)) if "group" in table else table
    write_table(table, {**cohort.columns, "split": SPLIT}, paths.cohort)
    with progress.bar("Embedding") as tick:
        images = open_images(paths.cache)
        codes = embed(model.model, images, progress=lambda done, total: tick(done, total, ""))
    write_posteriors(table, two_spaces(codes), recipe, paths)
    distances = model.reference.distances(codes, residuals(model.model, images, codes))
    beyond = model.reference.out_of_distribution(distances)
    write_distances(table, distances, beyond, paths)
    describe_output(source, paths)
    asked = pd.DataFrame(exclusions[exclusions["reason"] != "not_selected"])
    out = set(asked["participant_id"]) - set(table["participant_id"])
    progress.line(f"participant: {len(table)} embedded")
    if beyond.any():
        progress.warning(
            f"{beyond.sum()} of {len(table)} maps are not like those the model was trained on; see {paths.distances}"
        )
    if len(out):
        progress.warning(f"{len(out)} left out; see {paths.exclusions}")
