"""Who becomes champion: the first version, and later only one that is better and asked to be."""

import pytest

from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking import store as tracking
from pipelines.mlflow_tracking.model_registry import NAME
from pipelines.mlflow_tracking.promotion import champion_of, choose_champion, is_better, is_rehearsal

GRID = {"image.fwhm": "6", "image.shape": "[64, 64, 64]", "model.salient": "4"}


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store = tracking.find_store(tmp_path / "out")
    client = store.client()
    client.create_registered_model(NAME)
    client.create_experiment("test", artifact_location=store.artifacts.as_uri())
    return client


def add_version(client, unexplained=0.3, leakage=0.6, *, recipe="mine", high=None, **params):
    experiment = client.get_experiment_by_name("test").experiment_id
    run = client.create_run(experiment).info.run_id
    client.set_tag(run, "recipe", recipe)
    given = {"out_of_fold/unexplained": unexplained, "out_of_fold/leakage": leakage}
    given |= {"out_of_fold/unexplained/low": 0.0, "out_of_fold/unexplained/high": high} if high else {}
    for name, value in given.items():
        if value is not None:
            client.log_metric(run, name, value)
    for key, value in {**GRID, **params}.items():
        client.log_param(run, key, value)
    return str(client.create_model_version(NAME, source="nowhere", run_id=run).version)


def test_the_first_version_is_the_champion_and_later_ones_are_not_by_themselves(client):
    assert champion_of(client) is None
    assert choose_champion(client, add_version(client), promote=False).version == "1"
    assert choose_champion(client, add_version(client, 0.1, 0.5), promote=False).version == "1"
    assert choose_champion(client, "1", promote=True).version == "1"


def test_a_better_version_takes_the_alias_when_asked(client):
    choose_champion(client, add_version(client), promote=False)
    champion = choose_champion(client, add_version(client, unexplained=0.25), promote=True)
    assert champion_of(client) == champion.version == "2"
    assert "0.2500, champion 0.3000" in champion.note


@pytest.mark.parametrize(
    ("new", "better"),
    [
        ((0.294, 0.60), True),
        ((0.295, 0.60), False),  # a tie in both: the champion stays
        ((0.30, 0.57), True),
        ((0.30, 0.58), False),
        ((0.20, 0.63), False),  # better in one, worse in the other
        ((0.31, 0.50), False),
        ((0.305, 0.50), True),  # within a tie is not worse
    ],
)
def test_ties_and_trades(new, better):
    names = ("out_of_fold/unexplained", "out_of_fold/leakage")
    old = dict(zip(names, (0.3, 0.6), strict=True))
    assert is_better(dict(zip(names, new, strict=True)), old) == better


def test_what_was_not_measured_is_the_worst(client):
    choose_champion(client, add_version(client, leakage=None), promote=False)
    assert choose_champion(client, add_version(client), promote=True).version == "2"
    with pytest.raises(InputError, match="out_of_fold/leakage not measured"):
        choose_champion(client, add_version(client, leakage=None), promote=True)


def test_a_refusal_is_one_line_with_the_numbers_and_changes_nothing(client):
    choose_champion(client, add_version(client), promote=False)
    with pytest.raises(InputError, match=r"0\.4000, champion 0\.3000.*set_registered_model_alias") as caught:
        choose_champion(client, add_version(client, unexplained=0.4), promote=True)
    assert len(caught.value.problems) == 1
    assert champion_of(client) == "1"


def test_other_smoothing_does_not_compare(client):
    choose_champion(client, add_version(client), promote=False)
    with pytest.raises(InputError, match=r"different grids \(image\.fwhm = 10, champion 6\)"):
        choose_champion(client, add_version(client, unexplained=0.1, **{"image.fwhm": "10"}), promote=True)


def test_better_is_only_what_has_the_champion_outside_of_its_interval(client):
    choose_champion(client, add_version(client), promote=False)
    with pytest.raises(InputError, match=r"0\.2500 \[0\.0000 to 0\.3100\].*by more than its interval"):
        choose_champion(client, add_version(client, unexplained=0.25, high=0.31), promote=True)
    assert (
        choose_champion(client, add_version(client, unexplained=0.25, high=0.29), promote=True).version == "3"
    )


@pytest.mark.parametrize("recipe", ["smoke", "demo"])
def test_a_rehearsal_is_champion_only_among_rehearsals(client, recipe):
    rehearsal = add_version(client, recipe=recipe)
    assert choose_champion(client, rehearsal, promote=False).version == rehearsal
    real = choose_champion(client, add_version(client, 0.9, 0.9), promote=False)
    assert champion_of(client) == real.version == "2"
    assert "a rehearsal" in real.note
    better = add_version(client, 0.01, 0.5, recipe=recipe)
    assert choose_champion(client, better, promote=False).version == "2"
    with pytest.raises(InputError, match="version 3 is a rehearsal"):
        choose_champion(client, better, promote=True)
    client.delete_registered_model_alias(NAME, "champion")
    assert choose_champion(client, better, promote=False).version == "none"
    assert champion_of(client) is None


def test_a_model_of_simulated_maps_is_a_rehearsal_whatever_its_recipe(client):
    version = add_version(client)
    run = client.get_model_version(NAME, version).run_id
    assert not is_rehearsal(client.get_run(run))
    client.log_metric(run, "recovery/severity/salient/out_of_fold/r", 0.3)
    assert is_rehearsal(client.get_run(run))
