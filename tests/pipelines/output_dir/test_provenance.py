"""run.json: work that stands is not done again, and never silently replaced."""

from dataclasses import replace

import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json, write_text
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance, Stage, settings_of
from pipelines.output_dir.run import Run
from pipelines.progress import Silent

STAGE = Stage(
    name="embed",
    settings={"seed": 0, "analysis.draws": 10},
    inputs={"cohort.tsv": "abc"},
    outputs=("result.txt", "folder", "cache/images.npy"),
    clears=("result.txt", "folder"),
)
WRITTEN = ("result.txt", "folder/part.txt", "cache/images.npy")


@pytest.fixture
def paths(tmp_path):
    return OutputPaths(tmp_path / "out")


def run_in(paths, overwrite=False) -> Run:
    return Run(paths, Recipe(), Silent(), overwrite=overwrite)


@pytest.fixture
def perform(paths):
    def call(stage=STAGE, overwrite=False, text="done"):
        def work():
            for name in WRITTEN:
                write_text(text, paths.folder / name)

        with owned(paths.folder, overwrite=overwrite):
            return Provenance.open(paths).perform(stage, run_in(paths, overwrite), work)

    return call


def test_work_that_stands_is_not_done_again(perform):
    assert perform()
    assert not perform()


@pytest.mark.parametrize("name", WRITTEN)
def test_a_missing_output_is_made_again(perform, paths, name):
    perform()
    (paths.folder / name).unlink()
    assert perform()
    assert (paths.folder / name).read_text() == "done"


def test_a_damaged_cache_is_made_again(perform, paths):
    perform()
    (paths.folder / "cache" / "images.npy").write_text("damaged")
    assert perform()
    assert (paths.folder / "cache" / "images.npy").read_text() == "done"


@pytest.mark.parametrize("name", ["result.txt", "folder/part.txt"])
def test_an_edited_output_is_used_as_it_is_and_replaced_by_overwrite_alone(perform, paths, name):
    perform()
    edited = paths.folder / name
    edited.write_text("edited")
    assert not perform()
    again = replace(STAGE, inputs={"cohort.tsv": "def"})
    with pytest.raises(InputError, match=rf"{name} was changed since adhd-cvae wrote it.*--overwrite"):
        perform(again)
    assert edited.read_text() == "edited"
    assert perform(again, overwrite=True)
    assert edited.read_text() == "done"
    assert edited.with_name(f"{edited.name}.bak").read_text() == "edited"


def test_other_settings_are_refused_by_name_and_value(perform, paths):
    perform()
    with pytest.raises(InputError, match=r"analysis\.draws = 10, now 20.*--overwrite"):
        perform(replace(STAGE, settings={"seed": 0, "analysis.draws": 20}), text="new")
    assert (paths.folder / "result.txt").read_text() == "done"


def test_work_older_than_a_setting_was_done_with_what_is_now_its_default(perform):
    perform()
    younger = {**STAGE.settings, "analysis.sizes.minimum": Recipe().analysis.sizes.minimum}
    assert not perform(replace(STAGE, settings=younger))
    with pytest.raises(InputError, match=r"analysis\.sizes\.minimum = 10, now 20"):
        perform(replace(STAGE, settings={**younger, "analysis.sizes.minimum": 20}))


def test_overwrite_replaces_and_clears(perform, paths):
    perform()
    stale, mine = (paths.folder / "folder" / name for name in ("stale.txt", "mine.txt"))
    with owned(paths.folder):
        write_text("of the old settings", stale)
    mine.write_text("a note")
    assert perform(replace(STAGE, settings={"seed": 1}), overwrite=True, text="new")
    assert (paths.folder / "result.txt").read_text() == "new"
    assert not stale.exists()
    assert mine.read_text() == "a note"


def test_new_inputs_are_worked_on_again(perform):
    perform()
    assert perform(replace(STAGE, inputs={"cohort.tsv": "def"}))


def test_new_inputs_are_refused_where_results_were_dear(perform):
    dear = replace(STAGE, keeps_on_new_inputs=True)
    perform(dear)
    with pytest.raises(InputError, match=r"another cohort\.tsv"):
        perform(replace(dear, inputs={"cohort.tsv": "def"}))


def test_a_stage_that_failed_is_done_again(paths, perform):
    def fail():
        raise InputError("broken")

    with pytest.raises(InputError, match="broken"):
        Provenance.open(paths).perform(STAGE, run_in(paths), fail)
    assert read_json(paths.provenance)["stages"]["embed"]["state"] == "failed"
    assert perform()


def test_a_setting_that_was_wrong_can_be_mended_without_overwrite(paths, perform):
    def fail():
        raise InputError("no such column")

    mended = replace(STAGE, settings={"seed": 1})
    for stage in (STAGE, replace(STAGE, keeps_on_new_inputs=True)):
        with pytest.raises(InputError, match="no such column"):
            Provenance.open(paths).perform(stage, run_in(paths, overwrite=True), fail)
    with pytest.raises(InputError, match="--overwrite"):
        perform(replace(mended, keeps_on_new_inputs=True))
    assert perform(mended)


def test_a_started_stage_still_guards_its_settings(paths, perform):
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Provenance.open(paths).perform(STAGE, run_in(paths), fail)
    with pytest.raises(InputError, match="seed = 0, now 1"):
        perform(replace(STAGE, settings={"seed": 1, "analysis.draws": 10}))


def test_a_stage_aside_leaves_the_recipe_of_those_before(perform, paths):
    aside = replace(STAGE, name="aside", is_aside=True)
    other = Run(paths, Recipe(name="of its own", seed=5), Silent())
    perform()
    with owned(paths.folder):
        Provenance.open(paths).perform(replace(aside, outputs=()), other, lambda: None)
    record = read_json(paths.provenance)
    assert (record["recipe"]["name"], record["seed"]) == (Recipe().name, Recipe().seed)
    assert record["stages"]["aside"]["state"] == "done"


def test_a_stage_aside_that_is_alone_leaves_its_own_recipe(paths):
    aside = replace(STAGE, name="aside", is_aside=True, outputs=())
    for seed in (1, 2):
        stage, run = replace(aside, settings={"seed": seed}), Run(paths, Recipe(seed=seed), Silent())
        with owned(paths.folder):
            Provenance.open(paths).perform(stage, replace(run, overwrite=True), lambda: None)
    assert read_json(paths.provenance)["recipe"]["seed"] == 2


def test_the_record_is_a_reproducibility_checklist(paths, perform):
    perform()
    content = read_json(paths.provenance)
    assert content["recipe"] == Recipe().model_dump(mode="json")
    assert content["seed"] == 0
    assert {"python", "torch", "numpy", "adhd-cvae"} <= set(content["software"])
    assert content["stages"]["embed"]["seconds"] >= 0
    assert str(paths.folder) not in paths.provenance.read_text()


def test_a_damaged_record_is_one_readable_line(paths):
    paths.folder.mkdir()
    paths.provenance.write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        Provenance.open(paths)


def test_settings_of_picks_sections_and_single_keys():
    picked = settings_of(Recipe(), "seed", "training", "analysis.draws", without=("training.device",))
    assert "training.epochs" in picked
    assert "analysis.draws" in picked
    assert "seed" in picked
    assert "training.device" not in picked
    assert "analysis.permutations" not in picked
