"""The notebooks run from their first cell to their last, are short, and say what they do between the cells."""

import runpy
from pathlib import Path

import mlflow
import pytest

from adhd_cvae.files import read_tsv

FOLDER = Path(__file__).parents[2] / "pipelines" / "notebooks"
NOTEBOOKS = {path.stem: path for path in FOLDER.glob("*.py")}
LONGEST = 40


@pytest.fixture
def run(demo, tmp_path, monkeypatch, capsys):
    """Run a notebook beside a folder called demo; return its variables and what it printed."""
    (tmp_path / "demo").symlink_to(demo.bids_dir.parent, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    yield lambda name: (runpy.run_path(str(NOTEBOOKS[name])), capsys.readouterr().out)
    mlflow.set_tracking_uri(before)


def test_a_model_is_trained_on_everybody_but_the_held_out(run, tmp_path):
    found, printed = run("train_on_a_cohort")
    assert (tmp_path / "trained" / "checkpoints" / "cvae.safetensors").is_file()
    assert len(found["codes"].salient_mean) == len(found["cohort"]) == 24
    assert set(found["cohort"]["split"]) == {"train", "test"}
    assert "validation_loss" in printed


def test_latents_are_examined(run, tmp_path):
    found, printed = run("examine_latents")
    assert len(found["rows"]) == 6
    assert all(0 < p <= 1 for *_, p in found["rows"])
    assert "<svg" in (tmp_path / "umap.svg").read_text()
    assert "cosine_own" in printed


def test_a_registered_model_gives_the_codes_of_the_training_day(run, demo):
    found, _ = run("reuse_a_registered_model")
    latents = read_tsv(demo.paths.latents).set_index("participant_id")
    assert abs(found["difference"]).max() < 1e-5
    assert found["codes"]["z_00"].tolist() == pytest.approx(
        latents.loc[found["people"], "z_00"].tolist(), abs=1e-5
    )


@pytest.mark.parametrize("name", sorted(NOTEBOOKS))
def test_a_notebook_is_short_and_explains_itself(name):
    cells = NOTEBOOKS[name].read_text(encoding="utf-8").split("# %%")[1:]
    words = [cell for cell in cells if cell.startswith(" [markdown]")]
    code = [line for cell in cells if cell not in words for line in cell.splitlines() if line.strip()]
    assert len(code) <= LONGEST
    assert len(words) == len(cells) - len(words)
    assert words[0].splitlines()[2].startswith("# ")


def test_every_notebook_is_run_here():
    assert set(NOTEBOOKS) == {"train_on_a_cohort", "examine_latents", "reuse_a_registered_model"}
