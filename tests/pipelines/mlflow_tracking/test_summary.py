"""What an MLflow run shows of results."""

from dataclasses import replace

import pandas as pd
import pytest

from pipelines.mlflow_tracking.summary import out_of_fold_scores, scores
from pipelines.output_dir.results import Results
from tests.pipelines.whole_tables import write_whole


def test_the_title_begins_with_what_differs(published):
    assert published.title() == "adhd_cvae seed 3, invented, 40 participants"
    assert published.title("average of 2 seeds").startswith("adhd_cvae average of 2 seeds, ")


def test_newer_facts_go_before_those_of_run_json(published):
    assert published.tags()["device"] == "cpu"
    assert published.tags(device="cuda") == published.tags() | {"device": "cuda"}
    assert {key: published.tags()[key] for key in ("seed", "dataset")} == {"seed": "3", "dataset": "Invented"}


def test_scores_come_from_the_tables(published):
    found = published.scores
    assert found["tau/salient/age"] == 0.25
    assert found["leakage/salient/age/linear/r"] == 0.9
    assert found["out_of_distribution"] == pytest.approx(1 / 40)
    assert found["seconds/train"] == 7.5
    assert not any(name.startswith("stability/") for name in found)


def test_promotion_looks_at_everybody_out_of_fold_and_never_below_chance(published):
    found = out_of_fold_scores(published.results)
    assert found == {
        "out_of_fold/unexplained": pytest.approx(0.3),
        "out_of_fold/leakage": 0.62,
        "separation/salient": 0.71,
        "separation/background": 0.62,
    }
    paths = published.results.paths
    separation = published.results.analysis("separation")
    write_whole(separation.assign(value=0.3), paths.table("separation"))
    assert out_of_fold_scores(Results(paths.folder))["out_of_fold/leakage"] == 0.5
    paths.decoded.unlink()
    assert out_of_fold_scores(Results(paths.folder)) == {}


def test_numbers_in_sample_promote_nobody(published):
    paths = published.results.paths
    separation = published.results.analysis("separation").assign(value=float("nan"), in_sample=0.5)
    write_whole(separation, paths.table("separation"))
    found = out_of_fold_scores(Results(paths.folder))
    assert found == {"out_of_fold/unexplained": pytest.approx(0.3)}


def test_what_each_step_of_the_contrastive_model_gained_and_which_is_kept(published):
    assert "earned/kept" not in published.tags()
    table = pd.DataFrame({"model": ["cvae", "cvae", "vae"], "step": ["linear", "deep", "linear"]})
    table = table.assign(gain_nats=[300.0, -2.5, 1.0], kept=[True, False, True])
    write_whole(table, published.results.paths.earned)
    again = replace(published, results=Results(published.results.paths.folder))
    gained = {name: value for name, value in again.scores.items() if name.startswith("earned/")}
    assert gained == {"earned/linear": 300, "earned/deep": -2.5}
    assert again.tags()["earned/kept"] == "linear"


def test_the_agreement_of_seeds_is_a_mean_over_pairs(published):
    pairs = pd.DataFrame({"space": ["salient"] * 2, "split": ["out_of_fold"] * 2, "r": [0.5, 0.7]})
    write_whole(pairs, published.results.paths.stability)
    assert scores(published.results)["stability/salient/out_of_fold"] == pytest.approx(0.6)


def test_the_content_changes_with_results_and_settings(published):
    again = replace(published)
    assert again.content == published.content
    other = replace(published, recipe=published.recipe.model_copy(update={"seed": 4}))
    assert other.content != published.content
    write_whole(pd.DataFrame({"tau": [0.1]}), published.results.paths.table("rsa"))
    assert replace(published, results=Results(published.results.paths.folder)).content != published.content
