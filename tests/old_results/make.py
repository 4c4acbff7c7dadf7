"""Make the results of version 0.1 that `test_old_results` reads: simulated participants only.

    git worktree add /tmp/before 951aeea
    python tests/old_results/make.py /tmp/before

The packages of the old checkout are used, whatever is installed. Everything lies in a temporary folder whose name is
taken out of the MLflow store at the end; nothing else names it, which is checked.
"""

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pandas as pd
import yaml
from old_store import NOWHERE, move_store

HERE = Path(__file__).parent / "0.1"
PARTICIPANTS = 16
MAP_MM = 6
WHOLE_SECOND = 1_700_000_000
"""When every file of the dataset was changed, seconds since 1970: an archive keeps whole seconds exactly."""
SETTINGS = (
    *("image.shape=[16, 16, 16]", "image.voxel_size=12", "image.min_template_correlation=0.3"),
    *("model.channels=[2, 2]", "model.hidden=4", "model.background=3"),
    *("training.epochs=4", "training.patience=4"),
)
"""A small grid and network for a small file; maps of 6 mm look less like the template than those of 3 mm."""
KILLED_AFTER = 2
"""Saved states: of the linear start and of one epoch."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def make(old: Path) -> None:
    """Let the old version work in a temporary folder, then keep what it made."""
    with tempfile.TemporaryDirectory(prefix="old-results-") as scratch:
        folder = Path(scratch) / "results"
        for step in ("simulate", "finish", "interrupt", "predict"):
            done = subprocess.run(
                [
                    sys.executable,
                    str(Path(__file__).resolve()),
                    str(old),
                    "--step",
                    step,
                    "--in",
                    str(folder),
                ],
                cwd=old,
                env=_environment(old),
                check=False,
            )
            expected = -signal.SIGKILL if step == "interrupt" else 0
            if done.returncode != expected:
                raise SystemExit(f"{step} ended with {done.returncode}, expected {expected}")
        _keep(folder)


def _environment(old: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**kept, **ONE_THREAD, "PYTHONPATH": str(old), "MPLBACKEND": "Agg"}


def _keep(folder: Path) -> None:
    """Write the archive and, beside it, what the old version said of its results."""
    move_store(folder / "derivatives" / "mlflow.db", str(folder), NOWHERE)
    HERE.mkdir(exist_ok=True)
    shutil.rmtree(HERE / "expected", ignore_errors=True)
    (folder / "expected").rename(HERE / "expected")
    (folder / "recipe.yaml").replace(HERE / "recipe.yaml")
    for lock in {*folder.rglob(".*.lock"), *folder.rglob(".in-use*")}:
        lock.unlink()
    for private in (str(folder), str(Path.home()), platform.node()):
        _check_absent(private, folder, HERE)
    with tarfile.open(HERE / "results.tar.xz", "w:xz", preset=9) as archive:
        archive.add(folder, arcname=".", filter=_nobodys)


def _check_absent(private: str, *folders: Path) -> None:
    """Stop where a file names the folder, the user or the machine; a name of few letters is anywhere by chance."""
    if len(private) < 5:
        return
    named = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    named = [file for file in named if private.encode() in file.read_bytes()]
    if named:
        raise SystemExit(f"{private} is named in {', '.join(map(str, named))}")


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out whose files these are, and fractions of seconds."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = int(member.mtime)
    return member


# ---- From here on with the packages of the old version.


def simulate(folder: Path) -> None:
    """A dataset, and the recipe that everything is made with."""
    from adhd_cvae.simulation import SimulationConfig
    from pipelines import simulate as stage
    from pipelines.progress import Silent
    from pipelines.settings import load_recipe

    stage.run(folder / "bids", SimulationConfig(participants=PARTICIPANTS, resolution=MAP_MM), Silent())
    for path in [*(folder / "bids").rglob("*"), folder / "bids"]:
        os.utime(path, (WHOLE_SECOND, WHOLE_SECOND))
    recipe = load_recipe("smoke", SETTINGS).model_dump(mode="json")
    text = yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True)
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")


def finish(folder: Path) -> None:
    """`run … group`, to the end."""
    _command(
        "run", folder / "bids", _finished(folder), "group", "--recipe", folder / "recipe.yaml", "--no-live"
    )


def interrupt(folder: Path) -> None:
    """`prepare` and `train`, killed once a state was saved."""
    from adhd_cvae import training

    original, saved = training.save_state, []

    def save_and_die(state: dict, path: Path) -> None:
        original(state, path)
        saved.append(path)
        if len(saved) == KILLED_AFTER:
            os.kill(os.getpid(), signal.SIGKILL)

    training.save_state = save_and_die
    _command("prepare", folder / "bids", _half(folder), "--recipe", folder / "recipe.yaml")
    _command("train", _half(folder), "--no-live")


def predict(folder: Path) -> None:
    """What the registered model says of three maps, whose paths are relative to the dataset."""
    import mlflow

    (model,) = (folder / "derivatives" / "mlflow-artifacts" / "models").glob("*/artifacts")
    images = pd.read_csv(_finished(folder) / "cohort.tsv", sep="\t")["image"].iloc[[0, 5, 10]]
    rows = pd.DataFrame({"image": [str(folder / "bids" / image) for image in images]})
    predicted = mlflow.pyfunc.load_model(str(model)).predict(rows)
    predicted.insert(0, "image", images.to_numpy())
    (folder / "expected").mkdir()
    predicted.to_csv(folder / "expected" / "predictions.tsv", sep="\t", index=False, lineterminator="\n")


STEPS = {step.__name__: step for step in (simulate, finish, interrupt, predict)}


def _finished(folder: Path) -> Path:
    return folder / "derivatives" / "adhd-cvae"


def _half(folder: Path) -> Path:
    return folder / "derivatives" / "half-trained"


def _command(*arguments: object) -> None:
    from pipelines.cli import main

    sys.argv = ["adhd-cvae", *map(str, arguments)]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise


def _only_old(old: Path) -> None:
    """Stop where another version than the old one would be used."""
    import adhd_cvae
    import pipelines

    for package in (adhd_cvae, pipelines):
        if old.resolve() not in Path(str(package.__file__)).resolve().parents:
            raise SystemExit(f"{package.__name__} comes from {package.__file__}, expected {old}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("old", type=Path, help="checkout of the old version")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step is None:
        make(given.old.resolve())
    else:
        _only_old(given.old)
        STEPS[given.step](given.folder)
