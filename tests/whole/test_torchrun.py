"""The train stage under a real `torchrun`, one of whose workers is killed on the way."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from adhd_cvae.io import read_json, read_tsv
from pipelines.compute import helps
from pipelines.output_dir.paths import OutputPaths

SETTINGS = ("image.shape=[16,16,16]", "image.voxel_size=12", "training.epochs=8", "training.patience=8")
SETTINGS += ("training.vae=false", "model.start=random", "training.precision=float32")
SETTINGS += ("training.fold_models=same",)
OPTIONS = ["--recipe", "smoke", *(part for setting in SETTINGS for part in ("--set", setting))]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "2"]


def command(paths, *before):
    return [sys.executable, *before, "-m", "adhd_cvae", "train", str(paths.folder), *OPTIONS]


def worker(torchrun, rank):
    """The process of this rank, which torchrun starts, and which it starts again."""
    for child in psutil.Process(torchrun.pid).children(recursive=True):
        try:
            if child.environ().get("RANK") == str(rank):
                return child
        except psutil.Error:
            continue
    return None


@pytest.mark.slow
def test_a_killed_worker_is_started_again_and_the_result_is_the_same(tmp_path, invent_maps):
    paths, alone = (OutputPaths(tmp_path / name / "out") for name in ("torchrun", "alone"))
    for each in (paths, alone):
        invent_maps(each)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (tmp_path / "said").open("w+") as said:
        running = subprocess.Popen(command(paths, *TORCHRUN), stderr=said, env=environment)
        try:
            resumable = paths.checkpoints / "cvae-resume.pt"
            while not resumable.is_file():
                assert running.poll() is None
                time.sleep(0.02)
            killed = worker(running, 1)
            assert killed is not None
            killed.send_signal(signal.SIGKILL)
            assert not paths.cvae.with_suffix(".safetensors").is_file()
            assert running.wait(timeout=300) == 0
        finally:
            running.kill()
        said.seek(0)
        text = said.read()
    assert "SIGKILL" in text or "-9" in text
    assert text.count("contrastive model, at the start") <= 2  # told by the first alone, before and after
    subprocess.run(command(alone), check=True, env=environment)
    for folder in (".", "fold-0", "fold-1"):
        histories = [read_tsv(each.checkpoints / folder / "history.tsv") for each in (paths, alone)]
        losses = [history[["train_loss", "validation_loss"]].to_numpy() for history in histories]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    records = [read_json(each.provenance) for each in (paths, alone)]
    assert [record["processes"] for record in records] == [2, 1]
    assert records[0]["stages"]["train"]["state"] == "done"
    assert not (paths.folder / ".in-use.json").exists()
    again = subprocess.run(
        command(paths, *TORCHRUN), check=False, capture_output=True, text=True, env=environment
    )
    assert again.returncode == 0
    assert again.stderr.count("train: already done") == 1


def test_only_the_first_that_torchrun_starts_leads(monkeypatch):
    monkeypatch.setenv("RANK", "1")  # as other launchers say too
    assert not helps()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert helps()
    monkeypatch.setenv("RANK", "0")
    assert not helps()
