"""The participant level: new participants described by a registered model; nothing is trained.

Each participant's files depend on nobody else, so calls with different participants may run at the same time in one
OUTPUT_DIR. The tables of everybody are collected from those files, by one call at a time.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adhd_cvae.errors import InputError
from adhd_cvae.io import remove
from adhd_cvae.names import BACKGROUND, SALIENT, sd_name, units_in
from bids_adapters.cohort import Cohort, build_cohort
from bids_adapters.images.filter import read_filter_file
from pipelines.mlflow_tracking.environment import mlflow_environment
from pipelines.output_dir.bids_source import describe_output, place_of
from pipelines.output_dir.exclusions import nothing_left
from pipelines.output_dir.latents import write_distances, write_latents, write_samples
from pipelines.output_dir.lock import locked
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.provenance import Provenance, Stage
from pipelines.output_dir.run import Run
from pipelines.output_dir.table import OutputTable
from pipelines.output_dir.tables import COHORT, EXCLUSIONS
from pipelines.workflows.participant_files import Model, ParticipantFiles, posterior_samples

AT_ONCE = 64
"""Participants whose maps are prepared before any of them is described."""
_WAIT_S = 120.0
"""For another call that collects, which takes moments."""


@mlflow_environment()
def run(run: Run, source: BidsInput, model_uri: str) -> None:
    """Describe every participant asked for; write their own files, then the tables of everybody so far.

    The grid is the model's, whatever the recipe says.

    Raises
    ------
    InputError
        No such model or folder, nobody left, or OUTPUT_DIR holds something made with another model.
    """
    place, bids_filter = place_of(source, run.paths), read_filter_file(source.filter_file)
    with owned(run.paths.folder, overwrite=run.overwrite, dataset=source.folder, shared=True):
        model = _load(model_uri, run.paths)
        settings = {"--model": model.uuid, "BIDS_DIR": place, "--bids-filter-file": bids_filter}
        image = model.python_model.image
        run = replace(run, recipe=run.recipe.model_copy(update={"image": image}))
        _embed(run, source, model, settings)


def _load(model_uri: str, paths: OutputPaths) -> Model:
    """Load the model from the store beside OUTPUT_DIR, once it is known that something may be written there."""
    from pipelines.mlflow_tracking.model_registry import load_registered, resolved
    from pipelines.mlflow_tracking.store import find_store

    store = find_store(paths.folder)
    loaded = load_registered(model_uri, store)
    python_model: Any = loaded.unwrap_python_model()
    if not hasattr(python_model, "reference"):
        raise InputError(f"{model_uri} was registered by an earlier version. Train, or publish, it again.")
    return Model(python_model, resolved(model_uri, store), str(loaded.metadata.model_uuid))


def _embed(run: Run, source: BidsInput, model: Model, settings: dict[str, Any]) -> None:
    paths = run.paths
    with locked(paths.folder, _WAIT_S):
        _claim(run, settings)
        Provenance.open(paths).note(bids_dir=settings["BIDS_DIR"], model=model.uri)
    cohort = build_cohort(
        source.folder,
        run.recipe.cohort,
        participant_labels=source.labels,
        bids_filter=settings["--bids-filter-file"],
        prefer=source.prefer,
        require_groups=False,  # those of new participants need not be known
        index_cache=paths.cache,
    )
    left_out = _describe(run, cohort, source.folder, model)
    with locked(paths.folder, _WAIT_S):
        _collect(run, cohort, left_out, source)


def _claim(run: Run, settings: dict[str, Any]) -> None:
    """Make sure that everything in OUTPUT_DIR is, and stays, by one model from one dataset."""
    paths = run.paths
    provenance = Provenance.open(paths)
    if "train" in provenance.stages:
        raise InputError(
            f"{paths.folder} holds the results of a group. "
            "Choose another OUTPUT_DIR for the participant level."
        )
    tables = (paths.cohort, paths.latents, paths.distances, paths.draws, paths.exclusions)
    clears = (*(file.name for file in tables), *(folder.name for folder in paths.folder.glob("sub-*")))
    stage = Stage("participant", settings, {}, (), clears)
    provenance.begin(stage, run)


def _describe(run: Run, cohort: Cohort, bids_dir: Path, model: Model) -> pd.DataFrame:
    """Write every participant's own files; return whom this could not be done for, and why."""
    from adhd_cvae.images.cache import resampled

    table, left_out = cohort.table, []
    own = ParticipantFiles(run.paths.folder)
    with run.progress.bar("Embedding") as tick:
        for start in range(0, len(table), AT_ONCE):
            tick(start, len(table), "")
            chunk = pd.DataFrame(table.iloc[start : start + AT_ONCE])
            files = [bids_dir / image for image in chunk["image"]]
            maps = [one for part in resampled(files, model.image) for one in part]
            volumes = [
                np.asarray(volume, np.float16) for volume, _ in maps if volume is not None
            ]  # as in a cache
            if volumes:
                usable = [volume is not None for volume, _ in maps]
                own.write(pd.DataFrame(chunk[usable]), np.stack(volumes), model)
            for row, (volume, why) in zip(chunk.to_dict("records"), maps, strict=True):
                if volume is None:
                    remove(own.table(row))  # of an earlier, better map
                    reason = {"reason": why["reason"], "detail": why["detail"]}
                    left_out.append({"participant_id": row["participant_id"], "stage": "image", **reason})
        tick(len(table), len(table), "")
    # Who was not asked for may be another call's: none of their lines, about native-space siblings and the like.
    left_alone = cohort.exclusions.loc[cohort.exclusions["reason"] == "not_selected", "participant_id"]
    others = pd.DataFrame(cohort.exclusions[~cohort.exclusions["participant_id"].isin(list(left_alone))])
    return pd.concat([others, pd.DataFrame(left_out, columns=others.columns)], ignore_index=True)


def _collect(run: Run, cohort: Cohort, left_out: pd.DataFrame, source: BidsInput) -> None:
    """Write the tables of everybody described so far, by this call or another."""
    paths, recipe = run.paths, run.recipe
    asked = {*cohort.table["participant_id"], *left_out["participant_id"]}
    EXCLUSIONS.write(_merged(left_out, EXCLUSIONS, paths.exclusions, asked), paths.exclusions)
    # Other lines are about files and values of participants who are in.
    unusable = left_out.loc[left_out["stage"] == "image", "participant_id"]
    gone = cohort.table["participant_id"].isin(list(unusable))
    mine = pd.DataFrame(cohort.table[~gone])
    if "group" in mine:
        mine["group"] = mine["group"].replace("", np.nan)
    table = _merged(mine, COHORT, paths.cohort, asked)
    if table.empty:
        raise InputError(*nothing_left(left_out))
    rows = ParticipantFiles(paths.folder).read(table)
    COHORT.write(table, paths.cohort, cohort.columns)
    units = {space: units_in(rows, space) for space in (SALIENT, BACKGROUND)}
    posteriors = {
        space: (rows[names].to_numpy(), rows[[*map(sd_name, names)]].to_numpy())
        for space, names in units.items()
    }
    write_latents(table, posteriors, paths.latents)
    beyond = rows["out_of_distribution"].to_numpy(bool)
    write_distances(table, rows["distance"].to_numpy(float), beyond, paths.distances)
    write_samples(rows, posterior_samples(rows, recipe.analysis.draws, recipe.seed), paths.draws)
    describe_output(source, paths)
    provenance = Provenance.open(paths)
    provenance.stages["participant"] |= {"state": "done", "outputs": {}}
    provenance.note()
    run.progress.line(f"participant: {len(mine)} embedded; {len(table)} in {paths.latents}")
    here = table["participant_id"].isin(list(mine["participant_id"])).to_numpy()
    if beyond[here].any():
        run.progress.warning(
            f"{beyond[here].sum()} of {len(mine)} maps are not like those the model was trained on; "
            f"see {paths.distances}"
        )
    if out := set(left_out["participant_id"]) - set(mine["participant_id"]):
        run.progress.warning(f"{len(out)} left out; see {paths.exclusions}")
    if mine.empty:
        raise InputError(*nothing_left(left_out))


def _merged(new: pd.DataFrame, described: OutputTable, file: Path, replaced: set[str]) -> pd.DataFrame:
    """Add to `new` what `file` says of other participants, in the order of their names."""
    old = described.read(file, lacking=("group",)) if file.is_file() else new.iloc[:0]
    parts = [part for part in (old[~old["participant_id"].isin(list(replaced))], new) if len(part)]
    merged = pd.concat(parts) if parts else new
    return pd.DataFrame(merged).sort_values("participant_id", kind="stable", ignore_index=True)
