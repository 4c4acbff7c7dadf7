"""Shared fixtures: invented tables, and one tiny simulated cohort taken through every stage once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from adhd_cvae.io import write_json, write_tsv
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import OutputPaths

mpl.use("Agg")


SHARED = ("demo", "drawn")
"""Fixtures of the whole session that take long to make."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Processes (``-n``) share no fixture: a shared one's tests stay together, and those of one file."""
    for item in items:
        shared = [name for name in SHARED if name in getattr(item, "fixturenames", ())]
        item.add_marker(pytest.mark.xdist_group(shared[0] if shared else str(item.path)))


@pytest.fixture(scope="session")
def invent_results() -> Callable[[Path], OutputPaths]:
    """Write results as a user with another model would bring them."""
    return _invent_results


def _invent_results(folder: Path, participants: int = 40, seed: int = 0) -> OutputPaths:
    """Write cohort.tsv, latents.tsv and draws.npz as a user with another model would."""
    rng = np.random.default_rng(seed)
    paths = OutputPaths(folder)
    names = [f"sub-{number:03d}" for number in range(participants)]
    is_patient = np.arange(participants) % 2 == 1
    age = rng.uniform(7, 18, participants).round(2)
    cohort = pd.DataFrame(
        {
            "participant_id": names,
            "image": [f"{name}/anat/{name}_probseg.nii.gz" for name in names],
            "group": np.where(is_patient, "target", "background"),
            "age": age,
            "sex": rng.integers(0, 2, participants),
            "site": rng.integers(1, 3, participants),
            "adhd_index_z": np.where(is_patient, rng.normal(size=participants), np.nan),
        }
    )
    write_tsv(cohort, paths.cohort)
    salient = rng.normal(size=(participants, 2)) * is_patient[:, None]
    background = np.column_stack([(age - 12) / 3, rng.normal(size=(participants, 2))])
    columns = {f"s_{unit:02d}": salient[:, unit] for unit in range(2)}
    columns |= {f"z_{unit:02d}": background[:, unit] for unit in range(3)}
    write_tsv(
        pd.concat([cohort[["participant_id", "group"]], pd.DataFrame(columns)], axis=1),
        paths.latents,
    )
    noise = rng.normal(scale=0.1, size=(3, participants, 5))
    np.savez(
        paths.draws,
        participant_id=np.array(names),
        salient=salient + noise[..., :2],
        background=background + noise[..., 2:],
    )
    return paths


@pytest.fixture(scope="session")
def invent_maps() -> Callable[..., None]:
    """Write an image cache of invented maps, 16³, as `prepare` leaves it."""
    return _invent_maps


def _invent_maps(paths: OutputPaths, participants: int = 48) -> None:
    """A cache of invented maps, as `prepare` leaves it."""
    with owned(paths.folder):
        _write_maps(paths, participants)


def _write_maps(paths: OutputPaths, participants: int) -> None:
    rng = np.random.default_rng(0)
    paths.cache.mkdir(parents=True)
    group = np.where(np.arange(participants) % 2, "target", "background")
    cohort = pd.DataFrame(
        {"participant_id": [f"sub-{one:02d}" for one in range(participants)], "image": "n/a"}
    )
    write_tsv(cohort.assign(group=group, site=1, age=rng.uniform(8, 18, participants)), paths.cohort)
    folds = np.arange(participants) // 2 % 2
    write_tsv(cohort[["participant_id"]].assign(fold=folds), paths.folds)
    np.save(paths.images, rng.uniform(0.2, 0.9, (participants, 16, 16, 16)).astype(np.float16))
    affine = np.diag([12.0, 12.0, 12.0, 1.0])
    affine[:3, 3] = -90, -126, -72  # the maps drawn later cut at places of the brain
    write_json({"settings": {}, "maps": [], "affine": affine.tolist()}, paths.manifest)


@dataclass(frozen=True)
class Demo:
    """A simulated cohort that went through every stage."""

    bids_dir: Path
    paths: OutputPaths
    summary: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Run the demo on the smallest cohort with the smoke recipe, once a session."""
    from adhd_cvae.simulation.cohort import SimulationConfig
    from pipelines.output_dir.run import Run
    from pipelines.progress import Silent
    from pipelines.recipes.loader import load_recipe
    from pipelines.workflows import demo as stages

    folder = tmp_path_factory.mktemp("demo")
    config = SimulationConfig(participants=24, resolution=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        bids_dir, paths = stages.places(folder)
        summary = stages.run(Run(paths, load_recipe("smoke"), Silent()), bids_dir, config)
    return Demo(bids_dir, paths, summary)
