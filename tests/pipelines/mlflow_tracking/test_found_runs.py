"""Runs to compare: by folder, id and name the same is read; what cannot be compared is named in a line."""

from dataclasses import replace

import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import write_json
from pipelines.mlflow_tracking import publication, runs
from pipelines.mlflow_tracking.found_runs import found_runs
from pipelines.mlflow_tracking.store import find_store
from pipelines.progress import Silent


@pytest.fixture
def in_store(published, monkeypatch):
    """Results in a store, and the way there."""
    paths = published.results.paths
    content = published.results.run | {"recipe": published.recipe.model_dump(mode="json")}
    write_json(content, paths.provenance)
    done = publication.log_results(published, published.title(), Silent())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", find_store(paths.folder).uri)
    return done


def test_folder_id_and_name_are_the_same_run(published, in_store):
    folder = str(published.results.paths.folder)
    with found_runs([folder, in_store.run_id, in_store.run_name]) as found:
        for one in found:
            assert one.name == published.title()
            assert one.settings == found[0].settings
            assert (one.cohort, one.digest) == ("Invented", found[0].digest)
            assert one.counts["participants"] == 40
            assert one.results.analysis("separation")["value"].iloc[0] == 0.71
            assert one.scores["out_of_fold/unexplained/low"] == pytest.approx(
                found[0].scores["out_of_fold/unexplained/low"]
            )
        assert found[1].results.cohort is None, "no participant comes from a store"


def test_a_store_of_0_1_has_its_settings_elsewhere(published, in_store):
    client = find_store(published.results.paths.folder).client()
    run = client.get_run(in_store.run_id)
    old = client.create_run(run.info.experiment_id, run_name="of 0.1")
    runs.log_files(client, old.info.run_id, published.results)
    client.log_dict(old.info.run_id, published.settings, "recipe.json")
    client.set_terminated(old.info.run_id)
    with found_runs([in_store.run_id, "of 0.1"]) as (new, before):
        assert new.settings == before.settings


def test_what_cannot_be_compared_is_named(published, in_store):
    client = find_store(published.results.paths.folder).client()
    experiment = client.get_run(in_store.run_id).info.experiment_id
    refused = {"nobody": "neither a folder nor id or name", "it's": "neither a folder", "bare": "no results"}
    refused |= {"going": "RUNNING, not FINISHED", "twice": "2 runs of .* are called 'twice'"}
    for name in ("bare", "going", "twice", "twice"):
        run = client.create_run(experiment, run_name=name)
        if name != "going":
            client.set_terminated(run.info.run_id)
    for name, words in refused.items():
        with pytest.raises(InputError, match=words), found_runs([name]):
            pass


def test_two_results_that_differ_in_one_setting_are_told_apart_by_name(published):
    model = published.recipe.model.model_copy(update={"salient": 5})
    other = replace(published, recipe=published.recipe.model_copy(update={"model": model}))
    assert other.title() != published.title()
    assert "salient=5" in other.title()
