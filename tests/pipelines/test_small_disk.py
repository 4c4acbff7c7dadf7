"""A whole run where no file can grow beyond a limit, as on a full disk: a line that names the file, then it goes on."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.benchmarks.faults import SETTINGS

LIMITS = (2_000, 200_000, 2_000_000, 8_000_000)
"""Bytes: too few for the first record, the prepared maps, the state of training, and for what comes after it."""


def adhd_cvae(*arguments: object, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Call the command line in a process of its own, which may write files of `limit` bytes."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    call = [sys.executable, "-m", "pipelines.cli", *map(str, arguments)]
    return subprocess.run(call, capture_output=True, text=True, preexec_fn=limited, check=False)


@pytest.mark.slow
def test_a_run_on_a_disk_too_small_ends_in_words_and_goes_on_when_there_is_room(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    bids, out = tmp_path / "bids", tmp_path / "out"
    assert adhd_cvae("simulate", bids, "--participants", 12).returncode == 0
    changes = [word for setting in SETTINGS for word in ("--set", setting)]
    run = ("run", bids, out, "group", "--recipe", "smoke", *changes)
    ended = []
    for limit in LIMITS:
        told = adhd_cvae(*run, limit=limit)
        ended.append(told.returncode)
        assert told.returncode in (0, 1), (limit, told.stderr[-2000:])
        assert "Traceback" not in told.stderr, (limit, told.stderr[-2000:])
        if told.returncode:
            assert told.stderr.strip().splitlines()[-1].startswith(f"adhd-cvae: {out}"), told.stderr[-2000:]
    assert ended[:3] == [1, 1, 1], ended
    whole = adhd_cvae(*run)
    assert whole.returncode == 0, whole.stderr[-2000:]
    assert (out / "report.html").is_file()
    assert not list(out.rglob("*.partial*"))
