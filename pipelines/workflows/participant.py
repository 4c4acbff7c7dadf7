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
from adhd_cvae.names import BACKGROUND, KNOWN_SITE, SALIENT, sd_name, units_in
from bids_adapters.cohort import Cohort
from bids_adapters.images.filter import read_filter_file
from pipelines.mlflow_tracking.environment import mlflow_environment
from pipelines.output_dir.bids_source import describe_output, find_cohort, measure_heads, place_of
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

REFUSE, POOL = "refuse", "pool"
"""What becomes of sites that a model has not met: refused, or learnt from their controls; else the average one's."""
AT_ONCE = 64
"""Participants whose maps are prepared before any of them is described."""
_WAIT_S = 120.0
"""For another call that collects, which takes moments."""


@mlflow_environment()
def run(run: Run, source: BidsInput, model_uri: str, new_site: str = REFUSE) -> None:
    """Describe every participant asked for; write their own files, then the tables of everybody so far.

    The grid is the model's, whatever the recipe says.

    Parameters
    ----------
    new_site
        What becomes of sites that a model which harmonises has not met: ``refuse``, ``average`` or ``pool``.

    Raises
    ------
    InputError
        No such model or folder, nobody left, or OUTPUT_DIR holds something made with another model; a site that the
        model has not met, or a participant without site or covariates that it needs.
    """
    place, bids_filter = place_of(source, run.paths), read_filter_file(source.filter_file)
    with owned(run.paths.folder, overwrite=run.overwrite, dataset=source.folder, shared=True):
        model = _load(model_uri, run.paths)
        settings = {"--model": model.uuid, "BIDS_DIR": place, "--bids-filter-file": bids_filter}
        settings |= {"--new-site": new_site} if new_site != REFUSE else {}
        image = model.python_model.image
        run = replace(run, recipe=run.recipe.model_copy(update={"image": image}))
        _embed(run, source, model, settings, new_site)


def _load(model_uri: str, paths: OutputPaths) -> Model:
    """Load the model from the store beside OUTPUT_DIR, once it is known that something may be written there."""
    from pipelines.mlflow_tracking.model_registry import load_registered, resolved
    from pipelines.mlflow_tracking.store import find_store

    store = find_store(paths.folder)
    loaded = load_registered(model_uri, store)
    python_model: Any = loaded.unwrap_python_model()
    if not hasattr(python_model, "reference"):
        raise InputError(f"{model_uri} was registered by an earlier version. Train, or publish, it again.")
    adjustment = getattr(python_model, "adjustment", None)  # version 0.1 took maps as they are
    return Model(python_model, resolved(model_uri, store), str(loaded.metadata.model_uuid), adjustment)


def _embed(run: Run, source: BidsInput, model: Model, settings: dict[str, Any], new_site: str) -> None:
    from adhd_cvae.inference.adjustment import is_known

    paths = run.paths
    with locked(paths.folder, _WAIT_S):
        _claim(run, settings)
        Provenance.open(paths).note(bids_dir=settings["BIDS_DIR"], model=model.uri)
    adjustment = model.adjustment
    cohort = _cohort(run, source, adjustment)
    if adjustment is not None:
        adjustment.design.of(cohort.table)  # a covariate that is missing is named before any map is read
        known = is_known(adjustment, cohort.table, average=new_site != REFUSE)
        if new_site == POOL and not known.all():
            everybody = _cohort(run, replace(source, labels=()), adjustment)
            model = _with_sites(run, model, everybody, source.folder)
    left_out = _describe(run, cohort, source.folder, model)
    with locked(paths.folder, _WAIT_S):
        _collect(run, cohort, left_out, source)


def _cohort(run: Run, source: BidsInput, adjustment: Any) -> Cohort:
    """Bring maps and phenotype together; head sizes, where the model needs them, are of the source it learnt from."""
    settings, tiv_source = run.recipe.cohort, getattr(adjustment, "tiv_source", None)
    if tiv_source is not None:
        settings = settings.model_copy(update={"tiv_source": tiv_source})
    # Groups of new people need not be known.
    found = find_cohort(source, settings, run.progress, require_groups=False, index_cache=run.paths.cache)
    return found if tiv_source is None else measure_heads(found, source, settings, run.progress)


def _with_sites(run: Run, model: Model, everybody: Cohort, bids_dir: Path) -> Model:
    """Learn new sites, where they have enough controls.

    A site is learnt from all its controls in BIDS_DIR, whoever is asked for: each participant's files depend on the
    dataset and on nobody else's being described with them.
    """
    from adhd_cvae.images.cache import resampled
    from adhd_cvae.inference.adjustment import is_known, with_new_sites

    adjustment = model.adjustment
    here = pd.DataFrame(everybody.table.dropna(subset=list(adjustment.needed)))
    at_new = ~is_known(adjustment, here, average=True) & (here["group"] == BACKGROUND).to_numpy()
    controls = pd.DataFrame(here[at_new]).reset_index(drop=True)
    maps, paths = [], [bids_dir / image for image in controls["image"]]
    with run.progress.bar("Reading controls of new sites") as tick:
        for part in resampled(paths, model.image):
            maps += part
            tick(len(maps), len(paths))
    usable = np.array([volume is not None for volume, _ in maps], dtype=bool)
    found = adjustment
    if usable.any():
        volumes = np.stack([np.asarray(volume, np.float16) for volume, _ in maps if volume is not None])
        fewest = run.recipe.cohort.new_site_controls
        found, counts = with_new_sites(adjustment, volumes, pd.DataFrame(controls[usable]), fewest)
        for site, count in counts.items():
            how = (
                "learnt from them" if count >= fewest else f"fewer than {fewest}: taken for the average site"
            )
            run.progress.line(f"site {site}: {count} controls, {how}")
    return replace(model, adjustment=found)


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
            tick(start, len(table))
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
        tick(len(table), len(table))
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
    with run.progress.bar("Collecting tables") as tick:
        rows = ParticipantFiles(paths.folder).read(table, tick)
    COHORT.write(table, paths.cohort, cohort.columns)
    units = {space: units_in(rows, space) for space in (SALIENT, BACKGROUND)}
    posteriors = {
        space: (rows[names].to_numpy(), rows[[*map(sd_name, names)]].to_numpy())
        for space, names in units.items()
    }
    write_latents(table, posteriors, paths.latents)
    beyond = rows["out_of_distribution"].to_numpy(bool)
    known = rows[KNOWN_SITE].to_numpy(bool) if KNOWN_SITE in rows else None
    write_distances(table, rows["distance"].to_numpy(float), beyond, paths.distances, known)
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
