import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed

from adhd_cvae.analysis.mixture import mixture_table
from adhd_cvae.errors import InputError
from adhd_cvae.io import read_tsv, write_json
from pipelines.compute import _check_software, stop_workers, workers, writable_caches
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.stages import analyse, embed, publish, train
from pipelines.workflows import seeds
from tests.validation.calibration.run import measure_calibration

ROOT = Path(__file__).parents[2]


def test_without_a_cluster_joblib_stays_as_it_is():
    with workers(None):
        assert Parallel(n_jobs=1)(delayed(abs)(number) for number in (-1, -2)) == [1, 2]


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch):
    monkeypatch.setattr("pipelines.compute.SECONDS_TO_ANSWER", 1)
    with pytest.raises(InputError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:1\."):
        workers("tcp://127.0.0.1:1").__enter__()


@pytest.mark.parametrize("found", [{}, {"tcp://a": "0.0.1"}, {"tcp://a": ModuleNotFoundError("adhd-cvae")}])
def test_workers_without_this_software_are_refused(found):
    with pytest.raises(InputError, match=r"Every Dask worker needs adhd-cvae .*Found: (no worker|tcp://a: )"):
        _check_software(found)


@pytest.fixture
def cluster():
    """A real scheduler and two worker processes on this machine: its address, and the workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    # Workers import what they are sent, `slow_square` too.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}

    def start(module, *arguments):
        call = [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"]
        return subprocess.Popen(call, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
    options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1")
    processes = [start("dask_worker", address, *options) for _ in range(2)]
    yield address, processes
    for process in (*processes, scheduler):
        process.kill()
        process.wait()


def slow_square(number):
    time.sleep(0.3)
    return number**2, os.getpid()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_cluster_gives_the_same_numbers_and_survives_a_dead_worker(cluster, monkeypatch):
    address, processes = cluster
    rng = np.random.default_rng(0)
    draws = {"salient": rng.standard_normal((3, 60, 2))}
    here = mixture_table(draws, max_components=3, seed=0)
    with workers(address):
        there = mixture_table(draws, max_components=3, seed=0)
        found = []
        for square, pid in Parallel(n_jobs=2, return_as="generator_unordered", pre_dispatch="n_jobs")(
            delayed(slow_square)(number) for number in range(20)
        ):
            found.append((square, pid))
            if len(found) == 4:
                processes[0].kill()
    pd.testing.assert_frame_equal(here, there)
    assert sorted(square for square, _ in found) == [number**2 for number in range(20)]
    assert os.getpid() not in {pid for _, pid in found}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_seeds_trained_on_a_cluster_are_those_trained_here(cluster, invent_maps, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    address, processes = cluster
    recipe = load_recipe(
        "smoke",
        (
            *("image.shape=[16, 16, 16]", "image.voxel_size=12", "training.epochs=2", "training.vae=false"),
            *("analysis.permutations=19", "analysis.permute_within=null", "analysis.claims=[]"),
            *("analysis.variables=[{name: age, scale: ratio}]", "analysis.batteries={}"),
        ),
    )
    found = {}
    for where in ("here", "there"):
        paths = OutputPaths(tmp_path / where / "out")
        invent_maps(paths, 24)
        write_json({"dataset": "invented"}, paths.provenance)
        once = Run(paths, recipe, Silent())
        for stage in (train, embed, analyse):
            stage.run(once)
        first = publish.run(once)
        if where == "here":
            seeds.run(once, first, seeds=3)
        else:
            with workers(address):
                threading.Timer(1, processes[0].kill).start()
                seeds.run(once, first, seeds=3, cluster=True)
        found[where] = read_tsv(paths.ensemble.latents)
    pd.testing.assert_frame_equal(found["here"], found["there"], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_studies_of_the_benchmark_on_a_cluster_are_those_here(cluster, tmp_path, monkeypatch):
    address, _ = cluster
    monkeypatch.chdir(tmp_path)
    here, _ = measure_calibration(Path("here"), Silent(), simulations=1)
    with workers(address):
        there, _ = measure_calibration(Path("there"), Silent(), simulations=1)
    pd.testing.assert_frame_equal(here, there)


@pytest.mark.parametrize("home", ["/proc/1/none", "/dev/null", "/dev/null/below"])
def test_without_a_home_to_write_to_caches_are_temporary_and_gone_after(monkeypatch, home):
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("MPLCONFIGDIR", "somebody's choice")
    with writable_caches():
        place = Path(os.environ["NUMBA_CACHE_DIR"])
        assert place.is_dir()
        assert os.environ["MPLCONFIGDIR"] == "somebody's choice"
    assert not place.exists()
    assert "NUMBA_CACHE_DIR" not in os.environ


def test_a_user_nobody_knows_has_no_home(monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    with writable_caches():
        assert Path(os.environ["NUMBA_CACHE_DIR"]).is_dir()


def test_with_a_home_caches_stay_where_they_are(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not yet there"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    with writable_caches():
        assert "NUMBA_CACHE_DIR" not in os.environ


def test_workers_that_wait_are_ended():
    (process,) = set(Parallel(n_jobs=2, backend="loky")(delayed(os.getpid)() for _ in range(1)))
    assert process != os.getpid()
    stop_workers()
    with pytest.raises(ProcessLookupError):
        wait_until_gone(process)


LEAVE = """
(vars(__import__("joblib.externals.loky.process_executor", fromlist=["_"])).update(
    _MAX_MEMORY_LEAK_SIZE=-10**12, _MEMORY_LEAK_CHECK_DELAY=0
) or __import__("os").getpid())
"""
"""What a worker does to end after its next task, as one does that holds too much memory."""


def test_workers_that_end_amid_work_are_replaced():
    processes = Parallel(n_jobs=2, backend="loky")(delayed(eval)(LEAVE) for _ in range(8))
    assert len(set(processes)) > 2
    stop_workers()


def wait_until_gone(process):
    for _ in range(200):
        os.kill(process, 0)
        time.sleep(0.05)
