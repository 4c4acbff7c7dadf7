"""What an MLflow run shows of results."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.io import write_json, write_tsv
from pipelines.mlflow_tracking.summary import fold_scores, out_of_fold_scores, scores
from pipelines.output_dir.results import Results
from tests.pipelines.whole_tables import write_whole


def changed(published, **sections):
    """The same results with other settings: ``model={"salient": 4}``."""
    parts = {name: getattr(published.recipe, name).model_copy(update=to) for name, to in sections.items()}
    return replace(published, recipe=published.recipe.model_copy(update=parts))


def test_the_title_says_recipe_what_differs_from_it_seed_and_cohort(published):
    assert published.title() == "invented, seed 3, Invented n=40"
    assert published.title("average of 2 seeds") == "invented, average of 2 seeds, Invented n=40"
    other = changed(published, model={"salient": 4}, image={"fwhm": 6.0})
    assert other.title() == "image.fwhm=6, salient=4, invented, seed 3, Invented n=40"
    assert other.tags()["differs"] == "image.fwhm=6, salient=4"
    assert published.tags()["differs"] == "nothing"


def test_a_title_stays_a_title_however_much_was_changed(published):
    numbers = ("salient", "background", "patch", "patch_features", "hidden", "first_log_variance")
    weights = ("effective_voxels", "beta", "total_correlation", "critic_hidden", "classification", "hsic")
    many = changed(published, model=dict.fromkeys(numbers, 77), objective=dict.fromkeys(weights, 77))
    assert len(many.title()) < 180
    assert " more, invented, seed 3" in many.title()


def test_each_fold_has_what_its_models_do_for_those_they_have_not_met(published):
    assert fold_scores(published.results) == {}
    paths, names = published.results.paths, published.results.cohort["participant_id"]
    folds = pd.DataFrame({"participant_id": names, "fold": [number % 4 // 2 for number in range(40)]})
    write_whole(folds, paths.folds)
    codes = published.results.latents.merge(folds)
    codes = codes.assign(**dict.fromkeys(("s_00_sd", "s_01_sd", "z_00_sd", "z_01_sd", "z_02_sd"), 0.1))
    write_tsv(codes, paths.out_of_fold)
    np.savez(
        paths.out_of_fold_arrays,
        participant_id=names.to_numpy(dtype=str),
        folds=[0, 1],
        linear=True,
        salient_discriminant=[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    )
    found = fold_scores(Results(paths.folder))
    assert [one["participants"] for one in found.values()] == [20, 20]
    assert found[0]["out_of_fold/unexplained"] == pytest.approx(0.3)
    own = codes[codes["fold"] == 0]
    patients, controls = (own.loc[own["group"] == group, "s_00"] for group in ("target", "background"))
    above = [np.sign(one - other) / 2 + 0.5 for one in patients for other in controls]
    assert found[0]["separation/salient"] == pytest.approx(np.mean(above))
    assert found[1]["separation/salient"] == 0.5, "equal scores are a coin"


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
    half = 1.96 * 0.1 * (40 / 39) ** 0.5 / 40**0.5
    ends = {name: found.pop(name) for name in list(found) if name.endswith(("/low", "/high"))}
    assert ends["out_of_fold/unexplained/low"] == pytest.approx(0.3 - half)
    assert ends["out_of_fold/unexplained/high"] == pytest.approx(0.3 + half)
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
    assert {name for name in found if "/low" not in name and "/high" not in name} == {
        "out_of_fold/unexplained"
    }


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


def test_a_cohort_is_the_same_however_its_maps_were_prepared_and_another_with_other_maps(published):
    paths, digests = published.results.paths, []
    for fwhm, sha256 in ((6, "abc"), (8, "abc"), (8, "abd")):
        maps = [{"sha256": sha256, "reason": None}, {"sha256": f"{fwhm}", "reason": "left out"}]
        write_json({"settings": {"fwhm": fwhm}, "maps": maps}, paths.manifest)
        digests.append(published.digest)
    assert digests[0] == digests[1] != digests[2]


def test_the_content_changes_with_results_and_settings(published):
    again = replace(published)
    assert again.content == published.content
    other = replace(published, recipe=published.recipe.model_copy(update={"seed": 4}))
    assert other.content != published.content
    write_whole(pd.DataFrame({"tau": [0.1]}), published.results.paths.table("rsa"))
    assert replace(published, results=Results(published.results.paths.folder)).content != published.content
