"""Places where nothing can be read or written: one line, status 1, and nothing left behind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.cli import main
from pipelines.output_dir.inventory import seal
from pipelines.progress import Silent
from pipelines.stages import simulate

LONG = "x" * 300
CAPABILITIES = "-dac_override,-dac_read_search"
"""By these root may read and write whatever a folder's mode says."""
PLAIN_USER = ["setpriv", "--bounding-set", CAPABILITIES, "--inh-caps", CAPABILITIES]
AS_PLAIN_USER = pytest.mark.skipif(
    os.getuid() == 0 and shutil.which("setpriv") is None, reason="root may write everywhere without setpriv"
)
STAGES = ("train", "embed", "analyse", "publish")
QUICK = ("--recipe", "smoke", "--set", "image.shape=[16, 16, 16]", "--set", "image.voxel_size=12")


def one_line(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Call the command line, which is to refuse in one line, after what it says of its progress."""
    with pytest.raises(SystemExit) as ended:
        main.main([str(argument) for argument in arguments])
    assert ended.value.code == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if not line.endswith("…")]
    assert line.startswith("adhd-cvae: ")
    return line


@pytest.fixture
def bids(tmp_path: Path) -> Path:
    (tmp_path / "bids").mkdir()
    return tmp_path / "bids"


@pytest.mark.parametrize(
    "arguments",
    [
        *([verb, f"{{tmp}}/{LONG}"] for verb in STAGES),
        ["prepare", "{tmp}/bids", f"{{tmp}}/{LONG}"],
        ["prepare", "{tmp}/bids", "{tmp}/" + f"{LONG[:200]}/" * 30],
        ["prepare", f"{{tmp}}/{LONG}", "{tmp}/out"],
        ["prepare", "{tmp}/bids", "{tmp}/out", "--recipe", f"{LONG}.yaml"],
        ["prepare", "{tmp}/bids", "{tmp}/out", "--bids-filter-file", f"{{tmp}}/{LONG}.json"],
        ["simulate", f"{{tmp}}/{LONG}"],
        ["demo", f"{{tmp}}/{LONG}"],
    ],
    ids=lambda arguments: " ".join(word[:20] for word in arguments),
)
def test_a_name_too_long_is_one_line_and_leaves_nothing(capsys, bids, tmp_path, arguments):
    assert "File name too long" in one_line(capsys, *(word.format(tmp=tmp_path) for word in arguments))
    assert list(tmp_path.rglob("*")) == [bids]


def test_labels_too_long_for_a_file_are_nobodys(capsys, bids, tmp_path):
    label = LONG[:250]
    (bids / "sub-01" / "anat").mkdir(parents=True)
    (bids / "sub-01" / "anat" / "sub-01_space-MNI152Lin_label-GM_probseg.nii").touch()
    (bids / "participants.tsv").write_text(f"participant_id\tdx\nsub-01\t1\nsub-{label}\t0\n")
    asked = ("prepare", bids, tmp_path / "out", "--participant-label", label)
    assert "no participant" in one_line(capsys, *asked)
    assert not list((tmp_path / "out").rglob(".writing-*"))


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Call the command line in a process that may not do what modes forbid, even where we are root."""
    before = PLAIN_USER if os.getuid() == 0 else []
    command = [*before, sys.executable, "-m", "adhd_cvae", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def refused(*arguments: object) -> str:
    """The one line by which such a call is refused."""
    done = call(*arguments)
    assert done.returncode == 1, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if not line.endswith("…")]
    return line


@AS_PLAIN_USER
@pytest.mark.parametrize(
    ("mode", "arguments"),
    [
        (0o500, ["prepare", "{tmp}/bids", "{tmp}/locked"]),
        (0o500, ["prepare", "{tmp}/bids", "{tmp}/locked/below/out"]),
        (0o000, ["prepare", "{tmp}/bids", "{tmp}/locked"]),
        (0o000, ["prepare", "{tmp}/locked", "{tmp}/out"]),
        (0o400, ["analyse", "{tmp}/locked"]),
        (0o000, ["publish", "{tmp}/locked"]),
        (0o500, ["simulate", "{tmp}/locked/bids"]),
        (0o000, ["prepare", "{tmp}/bids", "{tmp}/out", "--bids-filter-file", "{tmp}/locked/filter.json"]),
    ],
)
def test_what_is_not_permitted_is_one_line_and_leaves_nothing(bids, tmp_path, mode, arguments):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(mode)
    try:
        line = refused(*(word.format(tmp=tmp_path) for word in arguments))
    finally:
        locked.chmod(0o700)
    assert line.startswith(f"adhd-cvae: {locked}")
    assert line.endswith("Permission denied")
    assert not list(locked.iterdir())
    assert not list(tmp_path.rglob(".writing-*"))


@pytest.mark.slow
@AS_PLAIN_USER
def test_a_raw_dataset_that_may_only_be_read_is_enough(tmp_path):
    bids = tmp_path / "bids"
    simulate.run(bids, SimulationConfig(participants=24, resolution=6), Silent())
    before = {path: seal(path) for path in bids.rglob("*") if path.is_file()}
    for path in (bids, *bids.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        below = bids / "derivatives" / "adhd-cvae"
        assert refused("prepare", bids, below, *QUICK).endswith("Permission denied")
        done = call("prepare", bids, tmp_path / "out", *QUICK)
        assert done.returncode == 0, done.stderr
    finally:
        for path in (bids, *bids.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
    assert {path: seal(path) for path in bids.rglob("*") if path.is_file()} == before
