"""`mlflow run`, as mlflow/README.md writes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.projects import _project_spec

from pipelines.mlflow_tracking.runs import EXPERIMENT
from pipelines.mlflow_tracking.store import Store

ROOT = Path(__file__).parents[2]


def documented(start: str) -> str:
    lines = (ROOT / "mlflow" / "README.md").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(start))


def test_folders_of_results_need_not_exist(tmp_path):
    project = _project_spec.load_project(str(ROOT / "mlflow"))
    new = tmp_path / "new" / "out"
    main = project.get_entry_point("main").compute_command(
        {"bids_dir": str(tmp_path), "output_dir": str(new)}, str(tmp_path)
    )
    assert main == f"adhd-cvae run {tmp_path} {new} group --recipe adhd200"
    demo = project.get_entry_point("demo").compute_command({}, str(tmp_path))
    assert demo == "adhd-cvae demo ../demo"
    assert documented("mlflow run mlflow --env-manager local -e demo")


@pytest.mark.slow
def test_the_documented_line_runs_every_stage_into_a_new_folder(demo, tmp_path):
    output_dir, store = tmp_path / "new" / "out", f"sqlite:///{tmp_path}/mlflow.db"
    command = documented("mlflow run mlflow --env-manager local -P").replace("/data/bids", str(demo.bids_dir))
    command = command.replace("/data/derivatives/adhd-cvae", str(output_dir)) + " -P recipe=smoke"
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        command.split(),
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": os.pathsep.join([str(scripts), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "MLFLOW_TRACKING_URI": store,
        },
        executable=str(scripts / "mlflow"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (output_dir / "report.html").is_file()
    client = Store(store, None).client()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert {run.info.status for run in client.search_runs([experiment.experiment_id])} == {"FINISHED"}
