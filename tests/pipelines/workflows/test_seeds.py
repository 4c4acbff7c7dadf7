"""Several seeds of one group: one frame, one held-out split, one parent run."""

import json

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.io import read_tsv, write_json, write_tsv
from pipelines.mlflow_tracking.runs import EXPERIMENT, PARENT_TAG
from pipelines.mlflow_tracking.store import find_store
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.run import Run
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


def turned(first: OutputPaths, member: OutputPaths) -> None:
    """The same codes as another training may find them: salient units swapped, one of them flipped."""
    table, turn = read_tsv(first.latents), np.array([[0, -1], [1, 0]])
    member.folder.mkdir(parents=True)
    table[["s_00", "s_01"]] = table[["s_00", "s_01"]].to_numpy() @ turn
    write_tsv(table, member.latents)
    write_tsv(read_tsv(first.cohort), member.cohort)
    with np.load(first.draws) as draws:
        np.savez(member.draws, **{**draws, "salient": draws["salient"] @ turn})


def test_codes_that_differ_by_a_rotation_agree_and_average_to_themselves(invent_results, tmp_path):
    first = invent_results(tmp_path / "out")
    turned(first, first.member(1))
    one, average = (Run(paths, QUICK, Silent()) for paths in (first, first.ensemble))
    seeds._average(average, {0: one, 1: seeds._seeded(one, 1)})
    before, after = read_tsv(first.latents), read_tsv(first.ensemble.latents)
    pd.testing.assert_frame_equal(before, after, check_exact=False)
    stability = read_tsv(first.ensemble.stability)
    assert set(stability["split"]) == {"train", "test"}
    np.testing.assert_allclose(stability["r"], 1)
    with np.load(first.draws) as one, np.load(first.ensemble.draws) as both:
        # Half of each member's draws, so that the average has about as many as a member.
        assert len(both["salient"]) == 2 * len(one["salient"][::2])
        np.testing.assert_allclose(both["salient"][:2], one["salient"][::2])
        np.testing.assert_allclose(both["salient"][2:], one["salient"][::2], atol=1e-12)


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
    assert together.run_name == "adhd_cvae average of 3 seeds, smoke, 24 participants"

    client = find_store(paths.folder).client()
    runs = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    parents = {run.info.run_id: run.data.tags.get(PARENT_TAG) for run in runs}
    assert len(runs) == 4
    assert parents.pop(together.run_id) is None
    assert set(parents.values()) == {together.run_id}
    assert {run.data.tags["seed"] for run in runs} == {"0", "1", "2", "0, 1, 2"}
    assert not list(paths.folder.rglob("mlflow.db")), "one store, beside OUTPUT_DIR"

    splits = [read_tsv(one.latents)["split"].tolist() for one in (paths, paths.member(1), paths.member(2))]
    assert splits[0] == splits[1] == splits[2]
    weights = {p.cvae.with_suffix(".safetensors").read_bytes() for p in (paths, paths.member(1))}
    assert len(weights) == 2, "another seed, another model"
    stability = read_tsv(paths.ensemble.stability)
    assert len(stability[stability["space"] == "salient"]) == 3 * 2
    table = read_tsv(paths.ensemble.seed_scores).set_index("metric")
    assert list(table) == ["mean", "sd", "min", "max", "seeds", "ensemble"]
    assert table.loc["tau/background/age", "seeds"] == 3
    logged = client.get_run(together.run_id).data.metrics
    assert {"stability/salient/test", "stability/background/train"} <= set(logged)
    seed = json.loads(paths.member(2).provenance.read_text())["recipe"]["seed"]
    assert seed == 2
