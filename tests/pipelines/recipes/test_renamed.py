"""Settings of an earlier version: refused by name in a recipe, translated in what that version wrote."""

import pytest

from adhd_cvae.errors import InputError
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance
from pipelines.recipes import loader, renamed
from pipelines.recipes.loader import known_keys, load_recipe
from pipelines.recipes.renamed import GONE, RENAMED, recipe_of_today, translated

OLD, NEW = "training.rounds", "training.epochs"


@pytest.fixture(autouse=True)
def invented(monkeypatch):
    """A setting that was renamed whatever the settings of today are."""
    monkeypatch.setattr(renamed, "RENAMED", {OLD: NEW})
    monkeypatch.setattr(loader, "RENAMED", {OLD: NEW})


def test_an_old_name_after_set_is_one_line_with_the_new_one():
    with pytest.raises(InputError) as caught:
        load_recipe("smoke", (f"{OLD}=3",))
    assert caught.value.problems == (f"--set {OLD}: no such setting. It is called '{NEW}' now.",)


@pytest.mark.parametrize("text", ["training:\n  rounds: 3\n", "training: {rounds: 3, vae: false}"])
def test_an_old_name_in_a_file_is_one_line_with_the_new_one(tmp_path, text):
    file = tmp_path / "old.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_recipe(str(file))
    assert caught.value.problems == (f"recipe {file}: no setting '{OLD}'. It is called '{NEW}' now.",)


def test_what_an_earlier_version_wrote_is_read_under_either_form():
    assert translated({OLD: 3, "seed": 0}) == {NEW: 3, "seed": 0}
    nested = {"training": {"rounds": 3, "vae": False}, "analysis": {"batteries": {"rounds": ["a"]}}}
    expected = {"training": {"epochs": 3, "vae": False}, "analysis": {"batteries": {"rounds": ["a"]}}}
    assert translated(nested) == expected


def test_nothing_is_translated_twice():
    once = translated({OLD: 3})
    assert translated(once) == once


def test_results_made_under_an_old_name_stand(tmp_path):
    paths = OutputPaths(tmp_path)
    stage = {"state": "started", "fingerprint": "of before", "settings": {OLD: 3}, "inputs": {}}
    Provenance.open(paths).note(recipe={"training": {"rounds": 3}}, stages={"train": stage})
    record = Provenance.open(paths)
    assert record.content["recipe"] == {"training": {"epochs": 3}}
    assert record.stages["train"]["settings"] == {NEW: 3}
    assert record.stages["train"]["fingerprint"] != "of before"


def test_a_setting_that_is_gone_counts_no_more_in_a_recipe_but_still_tells_results_apart(tmp_path):
    before = {"cohort": {"test_fraction": 0.3, "site": "site"}, "seed": 1}
    assert recipe_of_today(before) == {"cohort": {"site": "site"}, "seed": 1}
    settings = {"cohort.test_fraction": 0.3}
    stage = {"state": "done", "fingerprint": "of before", "settings": settings, "inputs": {}, "outputs": {}}
    Provenance.open(OutputPaths(tmp_path)).note(recipe=before, stages={"prepare": stage})
    content = Provenance.open(OutputPaths(tmp_path)).content
    assert content["recipe"] == {"cohort": {"site": "site"}, "seed": 1}
    assert content["stages"]["prepare"] == stage
    assert not {*GONE} & {*known_keys()}


def test_the_names_of_today_are_not_those_of_before():
    assert not {*RENAMED} & {*RENAMED.values()}
    assert all(old.rpartition(".")[0] == new.rpartition(".")[0] for old, new in RENAMED.items())
