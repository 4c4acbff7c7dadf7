"""A reference's run, version, alias and card."""

import numpy as np
import pytest

from adhd_cvae.models.reference_background import fit_reference
from adhd_cvae.models.reference_file import save_reference
from pipelines.mlflow_tracking.reference_publication import KIND, model_card, publish_reference
from pipelines.mlflow_tracking.runs import find_runs
from pipelines.mlflow_tracking.store import find_store
from pipelines.progress import Silent

FACTS = {"name": "Elsewhere", "terms": "shareable", "age": [8, 17.5], "sites": 3, "membership_auc": 0.58}
FACTS["explained_of_others"] = 0.41
FACTS |= {
    "image": {"shape": [2, 3, 5], "fwhm": 8.0},
    "modulation": "modulated",
    "smoothing": "",
    "program": "spm",
}


def learnt(count, seed=100):
    return fit_reference(np.random.default_rng(seed).normal(size=(count, 30)), most_axes=4)


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Publish a reference of so many participants from a folder of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run(count):
        folder = tmp_path / f"of-{count}"
        folder.mkdir(exist_ok=True)
        save_reference(learnt(count), folder, FACTS)
        return publish_reference(folder, Silent())

    return run


def test_the_alias_goes_to_most_participants_and_nothing_is_there_twice(publish, tmp_path):
    assert "champion is version 1)" in publish(20)
    assert "champion is version 2)" in publish(25)
    assert "/3 (adhd-cvae-background@champion is version 2)" in publish(12)
    assert "adhd-cvae-background/1 (" in publish(20)
    client = find_store(tmp_path / "of-20").client()
    assert len(client.search_model_versions(f"name = '{KIND.name}'")) == 3
    version = client.get_model_version_by_alias(KIND.name, "champion")
    assert version.tags == {"participants": "25", "terms": "shareable"}
    run = client.get_run(str(version.run_id))
    assert run.data.metrics["reference/participants"] == 25
    assert run.data.metrics["reference/membership_auc"] == 0.58
    assert run.data.params["image.shape"] == "[2, 3, 5]"
    assert run.data.params["smoothing"] == "none"
    assert run.data.metrics["reference/explained_of_others"] == 0.41
    assert find_runs(client, "adhd_cvae.content", run.data.tags["adhd_cvae.content"])


def test_the_card_says_from_what_and_under_which_terms():
    shown = model_card(learnt(20), FACTS)
    for words in (
        "of 20 participants",
        "Elsewhere: 20 healthy participants",
        "and at least 41.0% of others'",
        "Terms: shareable",
        "8 to 17.5 years",
        "4 principal axes",
        "AUC 0.58",
    ):
        assert words in shown
    assert "modulated" in shown
    assert "[2, 3, 5] voxels and smoothed by 8.0 mm" in shown


def test_the_card_of_what_says_nothing_of_itself_says_that():
    shown = model_card(learnt(20), {})
    assert "Terms: unknown" in shown
    assert "AUC not measured" in shown
