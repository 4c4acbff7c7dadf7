"""MLflow's settings last as long as the verb that needs them."""

import logging
import os
import subprocess
import sys

from pipelines.mlflow_tracking.environment import SETTINGS, mlflow_environment


def test_settings_hold_inside_and_are_gone_outside(monkeypatch):
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(logging.getLogger("mlflow"), "level", logging.INFO)
    with mlflow_environment():
        assert {name: os.environ[name] for name in SETTINGS} == SETTINGS
        assert logging.getLogger("mlflow").level == logging.WARNING
        with mlflow_environment():
            pass
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true", (
            "the inner block ended the outer one's settings"
        )
    assert not set(SETTINGS) & set(os.environ)
    assert logging.getLogger("mlflow").level == logging.INFO


def test_what_the_user_set_stays(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "9")
    with mlflow_environment():
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "9"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "9"


def test_settings_are_put_back_after_an_error(monkeypatch):
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    try:
        with mlflow_environment():
            raise ValueError
    except ValueError:
        assert "MLFLOW_DISABLE_TELEMETRY" not in os.environ


def test_the_verbs_settings_come_before_mlflow():
    """Telemetry is switched off when MLflow is imported, so no verb may import it on the way to its settings."""
    verbs = "import pipelines.stages.publish, pipelines.stages.train, pipelines.workflows.demo, sys"
    found = subprocess.run(
        [sys.executable, "-c", f"{verbs}; print('mlflow' in sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == "False"
