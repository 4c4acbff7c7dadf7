"""A whole run where no file can grow beyond a limit, as on a full disk: a line that names the file, then it goes on."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from adhd_cvae.io import WRITING
from pipelines.output_dir import inventory
from tests.robustness.one_run import SETTINGS

LIMITS = (2_000, 200_000, 2_000_000)
"""Bytes: too few for the first record, the prepared maps, the state of training."""
LATER = (20_000, 200_000, 600_000)
"""Too few for what comes after training."""


def adhd_cvae(*arguments: object, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Call the command line in a process of its own, which may write files of `limit` bytes."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    call = [sys.executable, "-m", "adhd_cvae", *map(str, arguments)]
    return subprocess.run(call, capture_output=True, text=True, preexec_fn=limited, check=False)


@pytest.mark.slow
def test_a_run_on_a_disk_too_small_ends_in_words_and_goes_on_when_there_is_room(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    bids, out = tmp_path / "bids", tmp_path / "out"
    assert adhd_cvae("simulate", bids, "--participants", 12).returncode == 0
    changes = [word for setting in SETTINGS for word in ("--set", setting)]
    run = ("run", bids, out, "group", "--recipe", "smoke", *changes)
    for limits in (LIMITS, LATER):
        for limit in limits:
            told = adhd_cvae(*run, limit=limit)
            assert told.returncode == 1, (limit, told.stderr[-2000:])
            assert "Traceback" not in told.stderr, (limit, told.stderr[-2000:])
            assert told.stderr.strip().splitlines()[-1].startswith("adhd-cvae: "), told.stderr[-2000:]
            assert str(tmp_path) in told.stderr.strip().splitlines()[-1], told.stderr[-2000:]
            assert not list(out.rglob(f"{WRITING}*")), limit
            assert inventory.read(out) is not None or not (out / "run.json").is_file(), limit
        assert adhd_cvae("train", out).returncode == 0
    whole = adhd_cvae(*run)
    assert whole.returncode == 0, whole.stderr[-2000:]
    assert (out / "report.html").is_file()
    assert not list(out.rglob("*.partial*"))
