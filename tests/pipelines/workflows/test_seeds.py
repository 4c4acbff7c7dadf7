"""Several seeds of one group: one frame, the same folds, one parent run."""

import json

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.io import read_tsv, write_json, write_tsv
from adhd_cvae.names import units_in
from pipelines.mlflow_tracking.runs import EXPERIMENT, PARENT_TAG
from pipelines.mlflow_tracking.store import find_store
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import STABILITY
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.stages import analyse, embed, publish, train
from pipelines.workflows import seeds

QUICK = load_recipe(
    "smoke",
    (
        *("image.shape=[16, 16, 16]", "image.voxel_size=12", "training.epochs=2", "training.vae=false"),
        *("analysis.permutations=19", "analysis.permute_within=null", "analysis.claims=[]"),
        *("analysis.variables=[{name: age, scale: ratio}]", "analysis.batteries={}"),
    ),
)


@pytest.fixture(autouse=True)
def own_store(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def with_folds(paths: OutputPaths) -> OutputPaths:
    """The same with codes out of fold: of two folds, in frames of their own."""
    latents = read_tsv(paths.latents)
    folds = np.arange(len(latents)) // 2 % 2
    spaces = {
        name: latents[units_in(latents, name)].to_numpy(np.float32) for name in ("salient", "background")
    }
    latents.insert(2, "fold", folds)
    sds = {f"{name}_sd": 0.1 for name in [*units_in(latents, "salient"), *units_in(latents, "background")]}
    write_tsv(latents.assign(**sds), paths.out_of_fold)
    write_tsv(latents[["participant_id", "fold"]], paths.folds)
    arrays = {name: values[None].repeat(2, axis=0) for name, values in spaces.items()}
    for name, values in spaces.items():
        units = values.shape[1]
        arrays[f"{name}_turn"] = np.stack([np.eye(units), np.eye(units)[::-1]])
        arrays[f"{name}_discriminant"] = np.arange(2.0 * (units + 1)).reshape(2, -1)
    names = latents["participant_id"].to_numpy(str)
    np.savez(
        paths.out_of_fold_arrays, participant_id=names, folds=np.arange(2), linear=np.array(True), **arrays
    )
    return paths


def turned(first: OutputPaths, member: OutputPaths) -> None:
    """The same codes as another training may find them: salient units swapped, one of them flipped."""
    turn = np.array([[0, -1], [1, 0]])
    member.folder.mkdir(parents=True)
    for name in ("latents", "out_of_fold"):
        table = read_tsv(getattr(first, name))
        table[["s_00", "s_01"]] = table[["s_00", "s_01"]].to_numpy() @ turn
        write_tsv(table, getattr(member, name))
    write_tsv(read_tsv(first.cohort), member.cohort)
    with np.load(first.draws) as arrays:
        np.savez(member.draws, **{**arrays, "salient": arrays["salient"] @ turn})
    with np.load(first.out_of_fold_arrays) as arrays:
        weights = arrays["salient_discriminant"]
        changed = {
            "salient": arrays["salient"] @ turn,
            "salient_turn": turn.T @ arrays["salient_turn"] @ turn,
            "salient_discriminant": np.column_stack([weights[:, :2] @ turn, weights[:, 2]]),
        }
        np.savez(member.out_of_fold_arrays, **{**arrays, **changed})


def test_codes_that_differ_by_a_rotation_agree_and_average_to_themselves(invent_results, tmp_path):
    first = with_folds(invent_results(tmp_path / "out"))
    turned(first, first.member(1))
    one, average = (Run(paths, QUICK, Silent()) for paths in (first, first.ensemble))
    seeds._share_cohort(one, average)
    seeds._average(average, {0: one, 1: seeds._seeded(one, 1)})
    for name in ("latents", "out_of_fold"):
        before, after = (read_tsv(getattr(paths, name)) for paths in (first, first.ensemble))
        means = [column for column in before if not column.endswith("_sd")]
        pd.testing.assert_frame_equal(before[means], after[means], check_exact=False, atol=1e-6)
        assert after.filter(like="_sd").max(axis=None) < 1e-6, "spread over seeds in one frame"
    stability = STABILITY.read(first.ensemble.stability)
    assert set(stability["split"]) == {"out_of_fold", "unknown"}
    assert set(stability["other_seed"]) == {1}
    np.testing.assert_allclose(stability["r"], 1)
    with np.load(first.out_of_fold_arrays) as one, np.load(first.ensemble.out_of_fold_arrays) as both:
        # Half of each member's samples, so that the average has about as many as a member.
        assert len(both["salient"]) == 2 * len(one["salient"][::2])
        np.testing.assert_allclose(both["salient"], one["salient"], atol=1e-6)
        for name in ("salient_turn", "salient_discriminant", "background_discriminant"):
            np.testing.assert_allclose(both[name], one[name], atol=1e-6)


@pytest.mark.slow
def test_three_seeds_are_children_of_one_run_and_share_who_is_held_out(invent_maps, tmp_path):
    paths = OutputPaths(tmp_path / "derivatives" / "out")
    invent_maps(paths, 24)
    write_json({"dataset": "invented"}, paths.provenance)
    once = Run(paths, QUICK, Silent())
    train.run(once)
    embed.run(once)
    analyse.run(once)
    first = publish.run(once)
    for _ in range(2):  # a second call adds nothing
        together = seeds.run(once, first, seeds=3)
    assert together.run_name.endswith(", smoke, average of 3 seeds, invented n=24")

    client = find_store(paths.folder).client()
    runs = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    runs = [run for run in runs if "fold" not in run.data.tags]
    parents = {run.info.run_id: run.data.tags.get(PARENT_TAG) for run in runs}
    assert len(runs) == 4
    assert parents.pop(together.run_id) is None
    assert set(parents.values()) == {together.run_id}
    assert {run.data.tags["seed"] for run in runs} == {"0", "1", "2", "0, 1, 2"}
    assert not list(paths.folder.rglob("mlflow.db")), "one store, beside OUTPUT_DIR"

    members = (paths, paths.member(1), paths.member(2), paths.ensemble)
    folds = [read_tsv(one.out_of_fold)["fold"].tolist() for one in members]
    assert all(one == folds[0] for one in folds)
    weights = {p.cvae.with_suffix(".safetensors").read_bytes() for p in (paths, paths.member(1))}
    assert len(weights) == 2, "another seed, another model"
    stability = read_tsv(paths.ensemble.stability)
    assert len(stability[stability["space"] == "salient"]) == 3 * 2
    table = read_tsv(paths.ensemble.seed_scores).set_index("metric")
    assert list(table) == ["mean", "sd", "min", "max", "seeds", "ensemble"]
    assert table.loc["tau/background/age", "seeds"] == 3
    logged = client.get_run(together.run_id).data.metrics
    assert {"stability/salient/out_of_fold", "stability/background/unknown"} <= set(logged)
    seed = json.loads(paths.member(2).provenance.read_text())["recipe"]["seed"]
    assert seed == 2
