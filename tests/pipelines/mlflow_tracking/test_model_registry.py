"""The registered model says all that it needs, so that a fresh environment made from its requirements can load it."""

import subprocess
import sys

import pytest
from mlflow.entities import LoggedModelStatus

from pipelines.mlflow_tracking.model_registry import REQUIREMENTS, _left_by_a_kill
from pipelines.mlflow_tracking.store import find_store

LOADED = """
import ast, sys
from pathlib import Path
found, todo = set(), ["adhd_cvae.models.weights", "adhd_cvae.images.nifti", "adhd_cvae.inference.prediction"]
seen = set()
while todo:
    name = todo.pop()
    if name in seen:
        continue
    seen.add(name)
    place = Path(name.replace(".", "/"))
    module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    for node in ast.walk(ast.parse(module.read_text())):
        modules = [node.module] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for module in modules:
            (todo.append if module.startswith("adhd_cvae") else found.add)(module)
print(*sorted({module.split(".")[0] for module in found} - set(sys.stdlib_module_names)))
"""


def test_every_package_the_model_imports_is_among_its_requirements(request):
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {{"sklearn": "scikit-learn"}.get(name, name) for name in done.stdout.split()}
    assert "torch" in imported
    assert imported <= set(REQUIREMENTS)


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return find_store(tmp_path / "out").client()


def logged(client, run, status):
    model = client.create_logged_model(
        run.info.experiment_id, name="adhd-cvae", source_run_id=run.info.run_id
    )
    return client.finalize_logged_model(model.model_id, status) if status else model


def test_a_model_that_a_killed_call_logged_is_gone_on_with_and_what_is_not_whole_goes(client):
    experiment = client.create_experiment("one")
    run, other = client.create_run(experiment), client.create_run(experiment)
    assert _left_by_a_kill(client, run) is None
    elsewhere = logged(client, other, LoggedModelStatus.READY)
    half = logged(client, run, None)
    whole = logged(client, run, LoggedModelStatus.READY)
    twice = logged(client, run, LoggedModelStatus.READY)
    kept = _left_by_a_kill(client, run)
    assert kept.model_id in (whole.model_id, twice.model_id)
    assert _left_by_a_kill(client, run).model_id == kept.model_id
    left = {one.model_id for one in client.search_logged_models([experiment])}
    assert left == {elsewhere.model_id, kept.model_id}
    assert half.model_id not in left
