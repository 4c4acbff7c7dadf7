"""Numbers for MLflow: under their names, once, and only where something was measured."""

import pytest

from pipelines.mlflow_tracking.metrics import EPOCH_METRICS, epoch_metrics, metric_name, reached_ms


def test_an_epoch_has_what_was_measured_under_the_models_name():
    row = {
        "model": "vae",
        "epoch": 2,
        "train_loss": 1.5,
        "hsic": 0.0,
        "kl_salient": float("nan"),
        "time_ms": 7.0,
    }
    (only,) = epoch_metrics(row, 99)
    assert (only.key, only.value, only.step, only.timestamp) == ("vae/loss_training", 1.5, 2, 7)


def test_an_epoch_of_old_is_dated_otherwise():
    assert reached_ms({"time_ms": float("nan")}, 99) == reached_ms({}, 99) == 99
    assert reached_ms({"time_ms": 5.0}, 99) == 5


@pytest.mark.parametrize(
    ("name", "fit"), [("tau/a b", "tau/a b"), ("iq [points]", "iq -points-"), ("ä/x:1", "ä/x:1")]
)
def test_a_name_is_made_fit(name, fit):
    assert metric_name(name) == fit


def test_no_two_columns_share_a_metric():
    assert len(set(EPOCH_METRICS.values())) == len(EPOCH_METRICS)
