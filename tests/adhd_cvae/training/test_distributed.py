"""Several processes train what one does. Called as a script, this file is one of them."""

import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.training import distributed
from adhd_cvae.training.checkpoint import load_state
from adhd_cvae.training.train import train

SHAPE = (16, 16, 16)
PEOPLE = 52
METHODS = ("adhd_cvae", "hsic", "mm_cvae", "sepvae")
STOPPED, EPOCHS = 2, 4


def recipe(name: str, **training) -> Recipe:
    return Recipe.model_validate(
        {
            "image": {"shape": SHAPE, "voxel_size": 12.0},
            "model": {"salient": 2, "background": 4, "channels": [2, 4], "hidden": 4, "start": "random"},
            "objective": {"name": name},
            "training": {"epochs": EPOCHS, "batch_size": 8, "vae": False, "precision": "float32"} | training,
        }
    )


def invented() -> tuple[np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(0)
    rows = np.arange(PEOPLE)
    shared = np.einsum("nk,kxyz->nxyz", rng.standard_normal((PEOPLE, 3)), rng.standard_normal((3, *SHAPE)))
    maps = 0.5 + 0.05 * shared + 0.02 * rng.standard_normal((PEOPLE, *SHAPE))
    maps[rows % 2 == 1, 4:8, 4:8, 4:8] -= 0.2
    cohort = pd.DataFrame(
        {
            "participant_id": [f"sub-{row:02d}" for row in rows],
            "group": np.where(rows % 2, "target", "background"),
            "site": rows // 4 % 3,
        }
    )
    return maps.astype(np.float16), cohort


def train_until(folder: Path, name: str, last: int | None) -> None:
    """Train to the end, or until an epoch's state is written."""
    images, cohort = invented()

    def stop(row):
        if row["epoch"] == last:
            raise KeyboardInterrupt

    try:
        train(images, cohort, recipe(name), folder, stop)
    except KeyboardInterrupt:
        distributed.from_first(lambda: True)  # nobody goes before the first one has written


def start_all(world: int, folder: Path, last: int | None, names: tuple[str, ...] = METHODS) -> None:
    """Run this file in `world` processes as `torchrun` would, but without its seconds."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    threads = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])}
    shared = {"TORCHELASTIC_RUN_ID": "test", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world)}
    started = [
        subprocess.Popen(
            [sys.executable, __file__, str(folder), str(last), *names],
            env=os.environ | threads | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(world)
    ]
    try:
        assert [process.wait(timeout=300) for process in started] == [0] * world
    finally:
        for process in started:
            process.kill()


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """States after `STOPPED` epochs, and everything of the default method to the end, from one process."""
    folder = tmp_path_factory.mktemp("one")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for name in METHODS:
        train_until(folder / "stopped" / name, name, STOPPED)
    train_until(folder / "whole", METHODS[0], None)
    torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    start_all(2, folder / "stopped", STOPPED)
    return folder


def state(folder: Path) -> dict:
    path = folder / "cvae-resume.pt"
    key = torch.load(_content(path), weights_only=True)["key"]
    found = load_state(path, key)
    assert found is not None
    return found


def _content(path: Path) -> io.BytesIO:
    return io.BytesIO(path.read_bytes()[32:])  # after the checksum


def assert_close(found: dict, expected: dict) -> None:
    """To a hundredth of one step of Adam, which turns rounding errors of tiny gradients into parts of a step."""
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-5, msg=_named(name))


def _named(name: str):
    return lambda text: f"{name}: {text}"


def assert_same_history(found: list[dict], expected: list[dict]) -> None:
    measured = [pd.DataFrame(rows).drop(columns=["model", "seconds"]) for rows in (found, expected)]
    pd.testing.assert_frame_equal(*measured, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_two_processes_learn_what_one_does(one, two, name):
    expected, found = (state(folder / "stopped" / name) for folder in (one, two))
    assert len(found["history"]) == STOPPED + 1
    assert_same_history(found["history"], expected["history"])
    for part in ("model", "critic", "classifier"):
        assert (part in found) == (part in expected)
        assert_close(found.get(part, {}), expected.get(part, {}))


@pytest.mark.slow
def test_training_goes_on_with_another_number_of_processes(one, two, tmp_path):
    """Two begun, one finishes; one begun, three finish, among whom sixteen maps do not divide."""
    name = METHODS[0]
    images, cohort = invented()
    train(images, cohort, recipe(name), two / "stopped" / name)
    expected = load_file(one / "whole" / "cvae.safetensors")
    assert_close(load_file(two / "stopped" / name / "cvae.safetensors"), expected)
    start_all(3, one / "stopped", None, (name,))
    assert_close(load_file(one / "stopped" / name / "cvae.safetensors"), expected)
    histories = [
        pd.read_csv(folder / "history.tsv", sep="\t") for folder in (one / "whole", one / "stopped" / name)
    ]
    assert_same_history(*(table.to_dict("records") for table in histories))
    assert histories[0]["validation_loss"].argmin() > 0  # else the last fit took no step


@pytest.mark.parametrize("world", [1, 2, 3, 20])
def test_every_row_is_in_one_share(monkeypatch, world):
    monkeypatch.setattr(distributed, "count", lambda: world)
    rows = []
    for rank in range(world):
        monkeypatch.setattr(distributed.distributed, "get_rank", lambda rank=rank: rank)
        rows.append(np.arange(16)[distributed.share(16)])
    assert np.array_equal(np.concatenate(rows), np.arange(16))
    assert np.ptp([len(part) for part in rows]) <= 1


def test_one_process_is_alone(monkeypatch):
    mine = torch.ones(3, requires_grad=True)
    with distributed.together():
        assert distributed.count() == 1
        assert distributed.is_first()
        assert distributed.gathered(mine, 3) is mine
        assert distributed.summed(mine) is mine
        assert distributed.from_first(lambda: {"a": mine})["a"] is mine


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(distributed, "count", lambda: 4)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match=r"4 processes on a machine with 2 GPUs.*--nproc-per-node 2"):
        distributed.check_device(torch.device("cuda"))
    distributed.check_device(torch.device("cpu"))


if __name__ == "__main__":
    place, until, *methods = sys.argv[1:]
    with distributed.together():
        for method in methods:
            train_until(Path(place) / method, method, None if until == "None" else int(until))
