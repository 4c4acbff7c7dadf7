"""Several seeds of one group: each trained and analysed, then brought into one frame and averaged.

The seed of a training decides its order of batches, its augmentation, its initial weights where it has any, and who
of the training participants validates it. The participants and their folds stay those of OUTPUT_DIR: who is held out of
one training is held out of all, so that codes are averaged fold by fold.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from joblib import Parallel, delayed

from adhd_cvae.io import copy, link_folder
from pipelines.mlflow_tracking.environment import mlflow_environment
from pipelines.mlflow_tracking.summary import RunSummary, scores
from pipelines.output_dir.folds import read_folds
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance, Stage
from pipelines.output_dir.results import Results
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import COHORT, SEED_SCORES, STABILITY
from pipelines.progress import Silent
from pipelines.stages import analyse, embed, publish, train
from pipelines.workflows.seed_average import write_average

if TYPE_CHECKING:
    from pipelines.mlflow_tracking.publication import Published

_AVERAGED = ("latents", "draws", "out_of_fold", "out_of_fold_arrays")


@mlflow_environment()
def run(
    run: Run, first: "Published", *, seeds: int, live: bool = False, cluster: bool = False
) -> "Published":
    """Add `seeds` − 1 trainings to the one in OUTPUT_DIR, average them in ``ensemble/`` and publish all together.

    On a `cluster` (`pipelines.compute`) the networks are trained beside each other, else one after the other, each
    on all cores.
    """
    with owned(run.paths.folder, overwrite=run.overwrite):
        return _together(run, first, seeds=seeds, live=live, cluster=cluster)


def _together(run: Run, first: "Published", *, seeds: int, live: bool, cluster: bool) -> "Published":
    from pipelines.mlflow_tracking.runs import nest

    recipe, progress, runs = run.recipe, run.progress, [first.run_id]
    average = replace(run, paths=run.paths.ensemble)
    others = {seed: _seeded(run, seed) for seed in range(recipe.seed + 1, recipe.seed + seeds)}
    for one in (average, *others.values()):
        _share_cohort(run, one)
    if cluster:
        progress.line(f"Training {len(others)} seeds on the cluster …")
        # A worker has another working directory, and no terminal.
        far = [
            replace(one, paths=OutputPaths(one.paths.folder.resolve()), progress=Silent())
            for one in others.values()
        ]
        Parallel(n_jobs=-1)(delayed(_train_elsewhere)(one) for one in far)
    for seed, one in others.items():
        progress.line(f"Seed {seed} ({seed - recipe.seed + 1} of {seeds})")
        train.run(one, live=live)
        embed.run(one)
        analyse.run(one)
        runs.append(publish.run(one, register=False).run_id)
    members = {recipe.seed: run, **others}
    _average(average, members)
    analyse.run(average, {seed: one.paths for seed, one in members.items()})
    SEED_SCORES.write(_scores(average, members), average.paths.seed_scores)
    name = RunSummary(Results(run.paths.folder), recipe).title(f"average of {seeds} seeds")
    published = publish.run(average, name=name, register=False)
    nest(average.paths.folder, published.run_id, runs, list(members))
    return published


def _train_elsewhere(run: Run) -> None:
    with owned(run.paths.folder, overwrite=run.overwrite, shared=True):
        train.run(run)


def _seeded(run: Run, seed: int) -> Run:
    """The same with another seed, in that seed's own folder."""
    recipe = run.recipe.model_copy(update={"seed": seed})
    return replace(run, paths=run.paths.member(seed), recipe=recipe)


def _share_cohort(run: Run, other: Run) -> None:
    """Give a member, or the average, the cohort, its folds and the prepared maps of OUTPUT_DIR."""
    paths, own = run.paths, other.paths
    for table in (paths.cohort, paths.folds):
        for file in (table, table.with_suffix(".json")):
            if file.is_file():
                copy(file, own.folder / file.name)
    if not own.cache.is_symlink():
        link_folder(own.cache, paths.cache)
    known, up = Provenance.open(paths).content, Path(os.path.relpath(paths.folder, own.folder))
    shared = ("dataset", "device", "precision", "torch_threads", "borrowed")
    facts = {key: known[key] for key in shared if key in known}
    if "bids_dir" in known:
        facts["bids_dir"] = (up / known["bids_dir"]).as_posix()
    Provenance.open(own).note(**facts)


def _average(average: Run, members: Mapping[int, Run]) -> None:
    """Write the codes of all members together, and stability.tsv, unless they stand."""
    paths = average.paths
    stage = Stage(
        name="average",
        settings={"seeds": list(members)},
        inputs={
            f"{name} of seed {seed}": checksum
            for seed, one in members.items()
            for name, checksum in Provenance.open(one.paths)
            .checksums(*(getattr(one.paths, each) for each in _AVERAGED))
            .items()
        },
        outputs=(
            *("latents.tsv", "latents.json", "draws.npz", "stability.tsv"),
            *("out_of_fold.tsv", "out_of_fold.json", "out_of_fold.npz"),
        ),
    )

    def work() -> None:
        cohort = COHORT.read(paths.cohort)
        folders = [one.paths for one in members.values()]
        table = write_average(cohort, read_folds(cohort, paths), folders, paths)
        seeds = list(members)
        columns = {name: [seeds[int(place)] for place in table[name]] for name in ("seed", "other_seed")}
        STABILITY.write(table.assign(**columns), paths.stability)

    # Another number of seeds replaces only the average, which costs seconds.
    Provenance.open(paths).perform(stage, replace(average, overwrite=True), work)


def _scores(average: Run, members: Mapping[int, Run]) -> pd.DataFrame:
    """Spread of every score over the seeds, and the average's own: `metric`, `mean`, `sd`, `min`, `max`, `seeds`,
    `ensemble`.
    """
    table = pd.DataFrame({seed: scores(Results(one.paths.folder)) for seed, one in members.items()})
    left_out = table.index.str.startswith(("seconds/", "memory/")) | table.index.str.endswith(
        ("/low", "/high")
    )
    table = table[~left_out]
    own = pd.Series(scores(Results(average.paths.folder)), dtype=float)
    spread = {"mean": table.mean(axis=1), "sd": table.std(axis=1), "min": table.min(axis=1)}
    spread |= {"max": table.max(axis=1), "seeds": table.notna().sum(axis=1), "ensemble": own}
    return pd.DataFrame(spread).reindex(table.index).rename_axis("metric").reset_index()
