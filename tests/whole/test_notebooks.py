"""The notebooks run top to bottom on the demo's folders, and show what their words promise."""

import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pytest

from adhd_cvae.io import read_tsv
from pipelines.mlflow_tracking.store import find_store

FOLDER = Path(__file__).parents[2] / "pipelines" / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "__init__.py")
MOST_LINES = 40
"""Of code, blank lines and words between cells not counted."""


@pytest.fixture
def run(demo, tmp_path, monkeypatch):
    """Run a notebook where `make demo` would have put its results under ./demo."""
    root = demo.bids_dir.parent
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "bids").symlink_to(root / "bids")
    (tmp_path / "demo" / "derivatives").symlink_to(root / "derivatives")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = mlflow.get_tracking_uri()
    find_store(
        demo.paths.folder
    ).client()  # the registry that other tests left behind may be of another store
    yield lambda name: runpy.run_path(str(FOLDER / name))
    mlflow.set_tracking_uri(before)
    plt.close("all")


@pytest.mark.filterwarnings("ignore:cvae:sklearn.exceptions.ConvergenceWarning")  # of two epochs
def test_train_on_a_cohort(run, demo, capsys):
    seen = run("train_on_a_cohort.py")
    assert len(seen["images"]) == len(seen["cohort"]) == len(read_tsv(demo.paths.cohort))
    # The steps by hand are those of the command line.
    own = read_tsv(demo.paths.folds)
    assert seen["cohort"]["participant_id"].tolist() == own["participant_id"].tolist()
    assert seen["folds"].tolist() == own["fold"].tolist()
    np.testing.assert_array_equal(seen["images"], np.load(demo.paths.images))
    assert set(seen["model"].training_.history["model"]) == {"cvae"}
    assert seen["codes"].shape == (len(seen["cohort"]), 6)
    assert "target" in capsys.readouterr().out


def test_examine_latents(run, demo, capsys):
    seen = run("examine_latents.py")
    assert len(seen["patients"]) == (read_tsv(demo.paths.cohort)["group"] == "target").sum()
    assert seen["salient"].shape[1] == 2
    assert seen["background"].shape[1] == 4
    own = read_tsv(demo.paths.latents).query("group == 'target'")
    np.testing.assert_allclose(seen["salient"], own[["s_00", "s_01"]], atol=1e-5)
    assert seen["similarity"]["p"].between(0, 1).all()
    assert (seen["similarity"]["low"] <= seen["similarity"]["high"]).all()
    said = capsys.readouterr().out
    assert "effect_components" in said
    assert "supported" in said or "not testable" in said


def test_reuse_a_registered_model(run, capsys):
    seen = run("reuse_a_registered_model.py")
    assert len(seen["codes"]) == 8
    assert seen["difference"] < 1e-4
    found = seen["estimator"].transform(seen["maps"].head(8))
    names = [*seen["estimator"].get_feature_names_out()]
    np.testing.assert_allclose(found, seen["codes"][names], atol=1e-5)
    assert len(seen["ages"]) == len(seen["cohort"])
    assert "largest difference" in capsys.readouterr().out


def test_borrow_healthy_anatomy(run, capsys):
    alone, borrowed = run("borrow_healthy_anatomy.py")["found"].to_dict("records")
    assert (alone["form"], borrowed["form"]) == ("start", "borrowed")
    assert borrowed["r, first"] > alone["r, first"]
    assert borrowed["AUC of s_00"] > alone["AUC of s_00"]
    assert "AUC of s_00" in capsys.readouterr().out


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_short_and_in_cells(name):
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    code = [line for line in lines[1:] if line.strip() and not line.startswith("#")]
    assert 10 < len(code) < MOST_LINES
    assert lines.count("# %%") >= 3
    assert len(NOTEBOOKS) == 4
