"""A cohort in memory finds what the command line would, and finds nothing where there is nothing."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config

from adhd_cvae.config import Recipe
from adhd_cvae.names import rows_of
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.benchmarks.separation.cohorts import simulate_maps
from pipelines.recipes.loader import load_recipe
from pipelines.sensitivity.chain import Planted, measured
from tests.validation.out_of_fold.cohorts import (
    Asked,
    Kind,
    campaign_settings,
    without_a_difference,
)
from tests.validation.out_of_fold.cohorts import measured as measured_through_files


@pytest.fixture(autouse=True)
def _one_core() -> Iterator[None]:
    with parallel_config("sequential"):
        yield


def recipe_of(seed: int) -> Recipe:
    return load_recipe("demo", (*campaign_settings(seed, 19), "sensitivity.permutations=99"))


def planted(seed: int, cohens_d: float, recipe: Recipe) -> Planted:
    """A simulated cohort of 60."""
    config = SimulationConfig(participants=60, seed=seed, cohens_d=cohens_d, site_confound=0.6, resolution=6)
    cohort = simulate_maps(config, recipe.cohort.site, recipe.image)
    names = [f"sub-{number:04d}" for number in range(len(cohort.table))]
    table = cohort.table.assign(participant_id=names)
    severities = pd.DataFrame(table[list(cohort.factors)])
    if not cohens_d:
        table = without_a_difference(table, seed, Kind(60, 0))
    return Planted(cohort.images, table, severities, np.ones(recipe.image.shape, bool))


def found(table: pd.DataFrame, **kind: str) -> dict:
    """The one row of a kind."""
    (row,) = [row for row in rows_of(table) if all(row[name] == value for name, value in kind.items())]
    return row


def test_it_finds_what_the_command_line_finds() -> None:
    recipe = recipe_of(1000)
    rows = measured(planted(1000, 0, recipe), recipe, None, beyond_covariates=True)
    table = measured_through_files(Kind(60, 0), 1000, Asked(("separation",), 19)).set_index("test")
    for space in ("salient", "background", "both"):
        for measure in ("auc", "auc_beyond_covariates"):
            row, other = found(rows, space=space, measure=measure), table.loc[f"{space} {measure}"]
            assert row["value"] == pytest.approx(other["value"], abs=1e-9)
            assert row["p_value"] == pytest.approx(other["p_value"], abs=1e-9)


def test_a_plain_effect_is_found_in_people_whom_no_model_has_met() -> None:
    recipe = recipe_of(3)
    cohort = planted(3, 2.0, recipe)
    rows = measured(cohort, recipe, None, beyond_covariates=False)
    assert "auc_beyond_covariates" not in set(rows["measure"])
    row = found(rows, space="salient", measure="auc")
    assert row["value"] > 0.8
    assert row["p_value"] == pytest.approx(1 / 20)
    for name in cohort.severities:
        row = found(rows, effect=name, measure="r")
        assert row["value"] > 0.2
        assert row["p_value"] <= 0.05
    mapped = found(rows, measure="dice")
    assert mapped["p_value"] <= 0.05
    assert 0 < mapped["value"] < 1


def test_severities_that_no_map_knows_of_are_not_predicted() -> None:
    recipe = recipe_of(5)
    cohort = planted(5, 2.0, recipe)
    is_patient = (cohort.table["group"] == "target").to_numpy()
    rng = np.random.default_rng(0)
    severities = pd.DataFrame({name: rng.gamma(2, 0.5, 60) * is_patient for name in "abcdefghijklmnop"})
    rows = measured(cohort._replace(severities=severities), recipe, None, beyond_covariates=False)
    values = [found(rows, effect=name)["value"] for name in severities]
    # Around 0, and not below it, as predictions around the others' mean would be.
    assert abs(np.mean(values)) < 3 * np.std(values, ddof=1) / np.sqrt(len(values))
