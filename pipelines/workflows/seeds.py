"""Several seeds of one group: each trained and analysed, then brought into one frame and averaged.

The seed of a training decides its order of batches, its augmentation, its initial weights where it has any, and who
of the training participants validates it. The participants, and who of them is held out, stay those of OUTPUT_DIR: who
is held out of one training is held out of all, so that the average can be asked about them too.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from adhd_cvae.analysis.seed_alignment import aligned, stability_table
from adhd_cvae.config import Recipe
from adhd_cvae.io import write_tsv
from adhd_cvae.names import SALIENT, TARGET, TEST, TRAIN
from pipelines.mlflow_tracking.environment import mlflow_environment
from pipelines.mlflow_tracking.summary import RunSummary, scores
from pipelines.output_dir import latents
from pipelines.output_dir.analysis_inputs import read_analysis_inputs
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance, Stage
from pipelines.output_dir.results import Results
from pipelines.output_dir.run import Run
from pipelines.progress import Progress, Silent
from pipelines.stages import analyse, embed, publish, train

if TYPE_CHECKING:
    from pipelines.mlflow_tracking.publication import Published


@mlflow_environment()
def run(
    run: Run, first: "Published", *, seeds: int, live: bool = False, cluster: bool = False
) -> "Published":
    """Add `seeds` − 1 trainings to the one in OUTPUT_DIR, average them in ``ensemble/`` and publish all together.

    On a `cluster` (`pipelines.compute`) the networks are trained beside each other, else one after the other, each
    on all cores.
    """
    from pipelines.mlflow_tracking.runs import nest

    paths, recipe, progress = run.paths, run.recipe, run.progress
    members, runs = {recipe.seed: paths}, [first.run_id]
    _share_cohort(paths, paths.ensemble)
    others = {seed: paths.member(seed) for seed in range(recipe.seed + 1, recipe.seed + seeds)}
    for member in others.values():
        _share_cohort(paths, member)
    if cluster:
        progress.line(f"Training {len(others)} seeds on the cluster …")
        calls = (
            delayed(train.run)(
                replace(_seeded(run, seed), paths=OutputPaths(one.folder.resolve()), progress=Silent())
            )
            for seed, one in others.items()
        )
        Parallel(n_jobs=-1)(calls)
    for seed, member in others.items():
        progress.line(f"Seed {seed} ({seed - recipe.seed + 1} of {seeds})")
        own = _seeded(run, seed)
        train.run(own, live=live)
        embed.run(own)
        analyse.run(own)
        runs.append(publish.run(own, register=False).run_id)
        members[seed] = member
    together = paths.ensemble
    _average(members, together, recipe, progress)
    average = replace(run, paths=together)
    analyse.run(average)
    write_tsv(_scores(members, together), together.seed_scores)
    name = RunSummary(Results(paths.folder), recipe).title(f"average of {seeds} seeds")
    published = publish.run(average, name=name, register=False)
    nest(together.folder, published.run_id, runs, list(members))
    return published


def _seeded(run: Run, seed: int) -> Run:
    """The same with another seed, in that seed's own folder."""
    recipe = run.recipe.model_copy(update={"seed": seed})
    return replace(run, paths=run.paths.member(seed), recipe=recipe)


def _share_cohort(paths: OutputPaths, member: OutputPaths) -> None:
    """Give a member, or the average, the cohort, the split and the prepared maps of OUTPUT_DIR."""
    member.folder.mkdir(parents=True, exist_ok=True)
    for file in (paths.cohort, paths.cohort.with_suffix(".json")):
        if file.is_file():
            shutil.copyfile(file, member.folder / file.name)
    if not member.cache.is_symlink():
        member.cache.symlink_to(os.path.relpath(paths.cache, member.folder), target_is_directory=True)
    known, up = Provenance.open(paths).content, Path(os.path.relpath(paths.folder, member.folder))
    facts = {key: known[key] for key in ("dataset", "device", "precision", "torch_threads") if key in known}
    if "bids_dir" in known:
        facts["bids_dir"] = (up / known["bids_dir"]).as_posix()
    Provenance.open(member).note(**facts)


def _average(
    members: Mapping[int, OutputPaths], together: OutputPaths, recipe: Recipe, progress: Progress
) -> None:
    """Write latents.tsv, draws.npz and stability.tsv of all members together, unless they stand."""
    stage = Stage(
        name="average",
        settings={"seeds": list(members)},
        inputs={
            f"{name} of seed {seed}": checksum
            for seed, member in members.items()
            for name, checksum in Provenance.open(member).checksums(member.latents, member.draws).items()
        },
        outputs=("latents.tsv", "latents.json", "draws.npz", "stability.tsv"),
    )

    def work() -> None:
        evidence = {seed: read_analysis_inputs(member, recipe.analysis) for seed, member in members.items()}
        cohort = evidence[recipe.seed].cohort
        training, target = cohort["split"] == TRAIN, cohort["group"] == TARGET
        means, draws, tables = {}, {}, []
        for space in evidence[recipe.seed].spaces:
            # Controls' s is near zero by construction and says nothing of the frame.
            who = target if space == SALIENT else pd.Series(True, index=cohort.index)
            fitted, codes = (training & who).to_numpy(), [one.spaces[space] for one in evidence.values()]
            asked = {split: ((cohort["split"] == split) & who).to_numpy() for split in (TRAIN, TEST)}
            tables.append(stability_table(space, dict(zip(evidence, codes, strict=True)), fitted, asked))
            means[space], turns = aligned(codes, fitted)
            kept = [one.draws[space][:: len(codes)] for one in evidence.values()]
            draws[space] = np.concatenate([part @ turn for part, turn in zip(kept, turns, strict=True)])
        latents.write_latents(cohort, means, together)
        names = cohort["participant_id"].to_numpy(dtype=str)
        latents.save_arrays({"participant_id": names, **draws}, together.draws)
        write_tsv(pd.concat(tables, ignore_index=True), together.stability)

    # Another number of seeds replaces only the average, which costs seconds.
    Provenance.open(together).perform(stage, recipe, work, progress, overwrite=True)


def _scores(members: Mapping[int, OutputPaths], together: OutputPaths) -> pd.DataFrame:
    """Spread of every score over the seeds, and the average's own: `metric`, `mean`, `sd`, `min`, `max`, `seeds`,
    `ensemble`.
    """
    found = {seed: scores(Results(one.folder)) for seed, one in members.items()}
    table = pd.DataFrame(found)
    table = table[~table.index.str.startswith(("seconds/", "memory/"))]
    own = pd.Series(scores(Results(together.folder)), dtype=float)
    spread = {"mean": table.mean(axis=1), "sd": table.std(axis=1), "min": table.min(axis=1)}
    spread |= {"max": table.max(axis=1), "seeds": table.notna().sum(axis=1), "ensemble": own}
    return pd.DataFrame(spread).reindex(table.index).rename_axis("metric").reset_index()
