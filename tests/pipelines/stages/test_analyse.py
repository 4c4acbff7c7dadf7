"""The analysis is a door of its own: three files in, tables and figures out, whatever model made them."""

import subprocess
import sys

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_tsv, write_tsv
from pipelines.output_dir.analysis_inputs import read_analysis_inputs
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.stages import analyse
from tests.pipelines.whole_tables import write_whole

RECIPE = load_recipe("smoke")


@pytest.fixture(scope="module")
def analysed(tmp_path_factory, invent_results):
    """Invented results, analysed once."""
    paths = invent_results(tmp_path_factory.mktemp("analysed"))
    progress = Silent()
    analyse.run(Run(paths, RECIPE, progress))
    return paths, progress


def test_every_table_of_the_contract_is_written(analysed):
    paths, _ = analysed
    made = {file.stem for file in paths.analysis.glob("*.tsv")}
    assert made >= {
        "rsa",
        "as_published",
        "silhouette",
        "mixture",
        "umap",
        "probes",
        "independence",
        "group_maps",
    }
    assert "recovery" not in made  # there is no truth for these


def test_tables_are_about_the_same_patients_in_every_space(analysed):
    paths, _ = analysed
    rsa = read_tsv(paths.table("rsa"))
    assert set(rsa["space"]) == {"salient", "background"}
    assert (rsa["n"] <= 20).all()
    assert rsa.groupby("variable")["n"].nunique().eq(1).all()
    cohort = read_tsv(paths.cohort)
    patients = cohort.loc[cohort["group"] == "target", "participant_id"]
    assert set(read_tsv(paths.table("umap"))["participant_id"]) == set(patients)


def test_every_p_value_is_listed(analysed):
    paths, _ = analysed
    listed = read_tsv(paths.table("p_values"))
    for name in ("rsa", "silhouette", "probes", "mixture_test", "independence", "separation"):
        tests = listed[listed["table"] == name]
        if name == "rsa":
            tests = tests[tests["family"] == name]
        assert sorted(tests["p_value"]) == sorted(read_tsv(paths.table(name))["p_value"].dropna())


def test_frames_of_folds_are_no_dependence(tmp_path, invent_results, monkeypatch):
    paths, strata = invent_results(tmp_path), []
    write_tsv(read_tsv(paths.latents).assign(fold=np.arange(40) % 5), paths.latents)
    inputs = read_analysis_inputs(paths, RECIPE.analysis)
    monkeypatch.setattr(analyse, "independence_table", lambda *given, **_: strata.append(given[2].strata))
    analyse.tables(Run(paths, RECIPE, Silent()), inputs, None, lambda note: None)["independence"]()
    within = {(int(code), int(fold)) for code, fold in zip(strata[0], np.arange(40) % 5, strict=True)}
    assert len(within) == len(set(strata[0]))


def test_the_claims_of_an_average_are_asked_of_its_members(tmp_path, invent_results):
    recipe = load_recipe("smoke", ("analysis.variables=[{name: age, scale: ratio}]", "analysis.batteries={}"))
    members = {seed: invent_results(tmp_path / str(seed), seed=seed) for seed in (0, 1)}
    for paths in members.values():
        analyse.run(Run(paths, recipe, Silent()))
    average = invent_results(tmp_path / "average")
    analyse.run(Run(average, recipe, Silent()), members)
    checks = read_tsv(average.table("claim_checks"))
    of_seed = checks[checks["check"] == "seed 1"].set_index("claim")
    assert of_seed.loc["s is related to age", "tau"] == read_tsv(members[1].table("rsa"))["tau"][0]


def test_what_is_missing_is_named_in_a_warning(analysed):
    _, progress = analysed
    assert any("med_status" in text and "left out" in text for text in progress.warnings)
    assert any("battery iq_pc1" in text for text in progress.warnings)


def test_figures_are_drawn(analysed):
    paths, _ = analysed
    assert list(paths.figures.iterdir())


def test_a_second_call_does_nothing_and_other_settings_are_refused(analysed):
    paths, _ = analysed
    before = paths.table("rsa").stat().st_mtime_ns
    analyse.run(Run(paths, RECIPE, Silent()))
    assert paths.table("rsa").stat().st_mtime_ns == before
    with pytest.raises(InputError, match=r"analysis\.permutations = 50, now 60"):
        analyse.run(Run(paths, load_recipe("smoke", ("analysis.permutations=60",)), Silent()))


def test_changed_latents_are_analysed_again(tmp_path, monkeypatch, invent_results):
    calls = []
    monkeypatch.setattr(analyse, "tables", lambda *_: calls.append("tables") or {})
    monkeypatch.setattr(analyse, "plot", lambda *_: None)
    paths = invent_results(tmp_path)
    analyse.run(Run(paths, RECIPE, Silent()))
    analyse.run(Run(paths, RECIPE, Silent()))
    assert len(calls) == 1
    table = read_tsv(paths.latents)
    write_tsv(table.assign(s_00=table["s_00"] + 1), paths.latents)
    analyse.run(Run(paths, RECIPE, Silent()))
    assert len(calls) == 2


def test_rows_are_matched_by_participant_and_not_by_place(tmp_path, invent_results):
    paths = invent_results(tmp_path)
    straight = read_analysis_inputs(paths, RECIPE.analysis)
    write_tsv(read_tsv(paths.cohort).sample(frac=1, random_state=1), paths.cohort)
    with np.load(paths.draws) as archive:
        order = np.random.default_rng(2).permutation(len(archive["participant_id"]))
        shuffled = {
            name: archive[name][order] if name == "participant_id" else archive[name][:, order]
            for name in archive.files
        }
    np.savez(paths.draws, **shuffled)
    again = read_analysis_inputs(paths, RECIPE.analysis)
    pd.testing.assert_frame_equal(straight.cohort, again.cohort)
    for space, values in straight.samples.items():
        np.testing.assert_array_equal(values, again.samples[space])


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("no latents", r"no latents\.tsv"),
        ("a participant less", "lacks 1 participants"),
        ("no latent column", "has no latent column"),
        ("no draws", "cannot be read"),
        ("draws of others", "lacks"),
        ("flat draws", r"expected \(draws, participants, units\)"),
        ("no variable", "none of the recipe's variables"),
    ],
)
def test_misfits_are_one_line(tmp_path, damage, expected, invent_results):
    paths = invent_results(tmp_path)
    cohort, latents = read_tsv(paths.cohort), read_tsv(paths.latents)
    names = latents["participant_id"].to_numpy(str)
    if damage == "no latents":
        paths.latents.unlink()
    elif damage == "a participant less":
        write_tsv(cohort.iloc[1:], paths.cohort)
    elif damage == "no latent column":
        write_tsv(latents[["participant_id", "group"]], paths.latents)
    elif damage == "no draws":
        paths.draws.write_text("nothing")
    elif damage == "draws of others":
        np.savez(paths.draws, participant_id=np.array(["sub-x"]), salient=np.zeros((2, 1, 2)))
    elif damage == "flat draws":
        np.savez(paths.draws, participant_id=names, salient=np.zeros((len(names), 2)))
    else:
        write_tsv(cohort[["participant_id", "image", "group"]], paths.cohort)
    with pytest.raises(InputError, match=expected) as caught:
        analyse.run(Run(paths, RECIPE, Silent()))
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("column", ["participant_id", "group"])
def test_latents_without_a_column_are_one_line(tmp_path, column, invent_results):
    paths = invent_results(tmp_path)
    write_tsv(read_tsv(paths.latents).drop(columns=column), paths.latents)
    with pytest.raises(InputError, match=f"no column {column} "):
        read_analysis_inputs(paths, RECIPE.analysis)


def test_a_pickle_in_draws_is_never_run(tmp_path, invent_results):
    paths = invent_results(tmp_path)
    np.savez(paths.draws, participant_id=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="without pickle"):
        read_analysis_inputs(paths, RECIPE.analysis)


def test_an_unknown_stratum_is_refused(tmp_path, invent_results):
    paths = invent_results(tmp_path)
    recipe = load_recipe("smoke", ("analysis.permute_within=scanner",))
    with pytest.raises(InputError, match="scanner"):
        analyse.run(Run(paths, recipe, Silent()))


def test_the_analysis_never_imports_torch():
    code = "import sys, pipelines.stages.analyse, pipelines.report.sections.cohort; print('torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


def test_the_studys_claims_are_judged(analysed):
    paths, _ = analysed
    claims = read_tsv(paths.table("claims")).set_index("claim")
    assert len(claims) == len(RECIPE.analysis.claims) == 9
    assert claims.loc["s is related to ADHD Index", "variable"] == "adhd_index_z"
    assert claims.loc["s is related to medication", "verdict"] == "not testable"
    assert "med_status" in claims.loc["s is related to medication", "reason"]
    assert "permuted freely" in claims.loc["z is related to site", "reason"]
    checks = read_tsv(paths.table("claim_checks"))
    made = checks[checks["verdict"] != "not testable"].groupby("claim").size()
    assert claims["checks"].to_dict() == made.reindex(claims.index, fill_value=0).to_dict()
    assert {"covariates held constant", "spaces of equal size"} <= set(checks["check"])
    rsa = read_tsv(paths.table("rsa")).set_index(["space", "variable"])
    assert claims.loc["s is related to age", "tau"] == rsa.loc[("salient", "age"), "tau"]
    assert rsa.loc[("salient", "adhd_index_z"), "partial_note"] == "held constant: site, age, sex"
    assert rsa["noise_ceiling"].between(0, 1).all()


def test_another_study_has_its_own_claims_or_none(tmp_path, invent_results):
    paths = invent_results(tmp_path)
    analyse.run(Run(paths, load_recipe("smoke", ("analysis.claims=[]",)), Silent()))
    assert not paths.table("claims").exists()
    own = "analysis.claims=[{space: background, name: volume, columns: [volume]}]"
    analyse.run(Run(paths, load_recipe("smoke", (own,)), Silent(), overwrite=True))
    assert read_tsv(paths.table("claims"))["verdict"].tolist() == ["not testable"]
    for said in ("{space: salient}", "{space: salient, columns: [age]}", "{space: vae, one_cluster: true}"):
        with pytest.raises(InputError):
            load_recipe("smoke", (f"analysis.claims=[{said}]",))


@pytest.fixture
def brain_tables(tmp_path, invent_results):
    """The tables about the brain of invented results whose patients lose gray matter at one place."""
    paths = invent_results(tmp_path)
    cohort = read_tsv(paths.cohort)
    is_patient = (cohort["group"] == "target").to_numpy()
    rng = np.random.default_rng(0)
    volume = np.zeros((16, 16, 16))
    volume[2:5, 4:7, 4:7] = -0.7
    volume[3, 5, 5] = -1
    mask = np.ones(volume.shape, np.uint8)
    mask[0] = mask[:, :, 9:] = 0
    effect = volume[mask == 1] + 0.005 * rng.normal(size=(is_patient.sum(), mask.sum()))
    affine = np.array([[10.0, 0, 0, -55], [0, 10, 0, -85], [0, 0, 10, -45], [0, 0, 0, 1]])
    arrays = {"effect": effect.astype(np.float32), "mask": mask, "affine": affine}
    arrays["effect_participant_id"] = cohort.loc[is_patient, "participant_id"].to_numpy(dtype=str)
    arrays |= {"effect_fold": np.arange(is_patient.sum()) % 4, "controls_fold": np.arange(4)}
    np.savez(paths.decoded, effect_of_controls=np.zeros((4, mask.sum())), **arrays)
    maps = 0.5 + 0.01 * rng.normal(size=(40, 16, 16, 16)) + 0.05 * volume * is_patient[:, None, None, None]
    paths.cache.mkdir()
    np.save(paths.images, maps.astype(np.float16))
    labels = np.where(volume < 0, 11, 0).astype(np.int16)
    nib.Nifti1Image(labels, affine).to_filename(tmp_path / "own_dseg.nii.gz")
    (tmp_path / "own_dseg.tsv").write_text("index\tname\n11\tPutamen, left\n")

    def make(*overrides: str):
        run = Run(paths, load_recipe("smoke", overrides), Silent())
        inputs = read_analysis_inputs(paths, run.recipe.analysis)
        return paths, analyse.tables(run, inputs, None, lambda note: None)

    return make


def test_peaks_come_with_the_maps_of_the_group_and_the_names_of_an_atlas(brain_tables, tmp_path):
    paths, tables = brain_tables()
    tables["group_maps"]()
    assert "label" not in tables["peaks"]()
    named = brain_tables(f"analysis.atlas={tmp_path / 'own_dseg.nii.gz'}")[1]["peaks"]()
    assert named["label"].tolist() == ["Putamen, left"]
    assert named[["x_mm", "y_mm", "z_mm"]].to_numpy().tolist() == [[-25, -35, 5]]
    assert named.loc[0, "peak"] == pytest.approx(-0.05, abs=0.02)
    p = nib.load(paths.maps / "space-MNI152NLin2009aSym_desc-groupP_map.nii.gz").get_fdata()
    assert p[3, 5, 5] < 0.05
    assert (p[0] == 1).all()


def test_groups_are_compared_on_maps_and_the_decoded_difference_has_no_p(brain_tables):
    paths, tables = brain_tables()
    rows = tables["group_maps"]().set_index("map")
    assert rows.loc["group", "n"] == 40
    assert rows.loc["group", "covariates"] == "site, age, sex"
    assert rows.loc["group", "significant"] >= 27
    assert rows.loc["salient_effect", "cosine"] > 0.99
    assert rows.loc["salient_effect", ["p_value", "significant"]].isna().all()
    mean = nib.load(paths.maps / "space-MNI152NLin2009aSym_desc-salientEffectMean_map.nii.gz")
    assert mean.get_data_dtype() == np.float32
    assert mean.get_fdata()[3, 5, 5] == pytest.approx(-1, abs=0.01)
    written = {file.name.split("desc-")[1].partition("_")[0] for file in paths.maps.iterdir()}
    assert written == {"groupT", "groupP", "groupLog10P", "salientEffectMean", "salientEffectAgreement"}


def test_without_the_cache_there_is_no_test_of_the_groups_and_it_says_so(brain_tables):
    paths, tables = brain_tables()
    paths.images.unlink()
    rows = tables["group_maps"]().set_index("map")
    assert "in cache/" in rows.loc["group", "note"]
    assert np.isnan(rows.loc["group", "p_value"])
    assert rows.loc["salient_effect", "cosine"] > 0.99
    assert tables["peaks"]() is None


def test_without_decoded_maps_the_brain_is_where_the_mean_map_is(brain_tables):
    paths, _ = brain_tables()
    paths.decoded.unlink()
    tables = brain_tables()[1]
    rows = tables["group_maps"]().set_index("map")
    assert rows.index.tolist() == ["group"]
    assert rows.loc["group", "voxels"] == 16**3
    assert len(tables["peaks"]()) == 1
    assert tables["effect_components"]() is tables["effect_scores"]() is None


def test_components_are_written_beside_their_table_and_scored_by_site(brain_tables):
    paths, tables = brain_tables()
    assert set(tables["effect_components"]()["left_out"].dropna()) == {"1", "2"}
    assert list(paths.maps.glob("*salientEffectComponent01_map.nii.gz"))
    assert len(tables["effect_scores"]()) == 20


def test_the_critic_is_judged_in_the_epoch_that_was_kept(tmp_path):
    history = tmp_path / "checkpoints" / "history.tsv"
    assert analyse.critic_accuracy(history) is None
    rows = [("cvae", 0, 3.0, np.nan), ("cvae", 1, 1.0, 0.6), ("cvae", 2, 2.0, 0.9), ("vae", 1, 0.0, np.nan)]
    table = pd.DataFrame(rows, columns=["model", "epoch", "validation_loss", "critic_accuracy"])
    write_whole(table, history)
    assert analyse.critic_accuracy(history) == 0.6
    write_whole(table[:1], history)
    assert analyse.critic_accuracy(history) is None
