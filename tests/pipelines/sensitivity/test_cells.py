"""Cohorts made of controls: who is in them, what is planted, and that a finished one stands."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import SensitivityConfig
from adhd_cvae.io import read_tsv
from adhd_cvae.names import BACKGROUND, TARGET
from adhd_cvae.simulation.planting import Planting
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.sensitivity import cells
from pipelines.sensitivity.cells import Cell, Laboratory, cells_of

CONTROLS, SHAPE = 40, (16, 16, 16)
RECIPE = load_recipe("smoke", ("image.shape=[16, 16, 16]", "image.voxel_size=12", "cohort.covariates=[age]"))


@dataclass(frozen=True)
class InMemory(Laboratory):
    """Invented maps, whose first half along x loses one severity and whose second half the other."""

    @property
    def planting(self) -> Planting:
        rng = np.random.default_rng(0)
        images = rng.uniform(0.2, 0.8, (CONTROLS, *SHAPE)).astype(np.float16)
        halves = np.zeros((2, *SHAPE), np.float16)
        halves[0, :8], halves[1, 8:] = 1, 1
        within = images[:, None] * halves
        volumes = within.sum(axis=(2, 3, 4), dtype=float)
        removed = np.zeros((CONTROLS, 2, 2))
        removed[:, [0, 1], [0, 1]] = volumes
        return Planting(("striatum", "amygdala"), images, within, volumes, removed)


@pytest.fixture
def laboratory(tmp_path: Path) -> InMemory:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "participant_id": [f"sub-{number:03d}" for number in range(2 * CONTROLS)],
            "group": [BACKGROUND] * CONTROLS + [TARGET] * CONTROLS,
            "site": np.tile([1, 2], CONTROLS),
            "age": rng.uniform(7, 18, 2 * CONTROLS),
        }
    )
    return InMemory(tmp_path, tmp_path / "cells", tmp_path, tmp_path, RECIPE, table)


def test_all_kinds_of_a_seed_come_before_the_next_and_nothing_planted_more_often():
    config = SensitivityConfig(cohens_d=(0.5, 0.8), fractions=(0.5, 1.0), cohorts=5, null_cohorts=20)
    found = cells_of(config, borrows=True)
    assert len(found) == len(set(found)) == 2 * 2 * (2 * 5 + 20)
    assert [cell.seed for cell in found] == sorted(cell.seed for cell in found)
    assert len({cell.key for cell in found}) == len(found)
    assert sum(cell.cohens_d == 0 for cell in found) == 80


def test_whatever_is_planted_and_borrowed_a_seed_has_the_same_participants(laboratory):
    cohorts = [
        laboratory.planted(Cell(effect, 0.5, borrows, seed))
        for effect, borrows, seed in [(0, False, 3), (0.8, False, 3), (0.8, True, 3), (0, False, 4)]
    ]
    first, second, third, other = (cohort.table["participant_id"].tolist() for cohort in cohorts)
    assert first == second == third != other
    assert cohorts[0].severities.equals(cohorts[1].severities)
    assert len(first) == CONTROLS / 2


def test_nothing_planted_leaves_the_very_maps(laboratory):
    cohort = laboratory.planted(Cell(0.0, 1.0, borrows=False, seed=0))
    rows = cohort.table["participant_id"].str.removeprefix("sub-").astype(int)
    assert cohort.images.tobytes() == laboratory.planting.images[rows].tobytes()


def test_pseudo_patients_lose_what_was_asked_for_and_controls_nothing(laboratory):
    cohort = laboratory.planted(Cell(1.0, 1.0, borrows=False, seed=0))
    is_patient = (cohort.table["group"] == TARGET).to_numpy()
    rows = cohort.table["participant_id"].str.removeprefix("sub-").astype(int)
    before = laboratory.planting.images[rows].astype(float)
    lost = before - cohort.images.astype(float)
    assert not lost[~is_patient].any()
    assert (cohort.severities[~is_patient] == 0).all(axis=None)
    for half, volumes in zip((slice(0, 8), slice(8, 16)), laboratory.planting.volumes.T, strict=True):
        mean = lost[is_patient][:, half].sum(axis=(1, 2, 3)).mean()
        assert mean == pytest.approx(volumes.std(ddof=1), rel=0.05)


def test_a_finished_cohort_is_not_measured_again(laboratory, monkeypatch):
    asked = []

    def measured(planted, recipe, reference, *, beyond_covariates):
        asked.append(recipe.seed)
        return pd.DataFrame([{"effect": "all", "value": float(len(planted.table)), "p_value": 0.5}])

    monkeypatch.setattr(cells, "measured", measured)
    both = [Cell(0.0, 1.0, borrows=False, seed=seed) for seed in (0, 1)]
    first = laboratory.measure(both[:1], Silent(), jobs=1)
    every = laboratory.measure(both, Silent(), jobs=1)
    assert asked == [0, 1]
    assert every["seed"].tolist() == [0, 1]
    assert every.iloc[:1].equals(first)
    assert "participant_id" not in read_tsv(laboratory.file(both[0]))
