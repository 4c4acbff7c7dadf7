"""The registered model's own file: what it takes, and how it refuses."""

import ast
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import CohortConfig, ModelConfig, Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.inference.adjustment import adjusted, fit_adjustment
from adhd_cvae.inference.embedding import embed
from adhd_cvae.inference.out_of_distribution import code_matrix, fit_reference, residuals
from adhd_cvae.models.initialisation import initial_model
from pipelines.mlflow_tracking import pyfunc_model
from pipelines.mlflow_tracking.pyfunc_model import MapRefusedError, Posteriors
from tests.adhd_cvae.inference.maps import GRID, anatomy


@pytest.fixture
def model():
    model = Posteriors()
    model.model = model.reference = model.adjustment = None
    model.image = SimpleNamespace(shape=(4, 4, 4))
    return model


def test_it_imports_nothing_of_the_project_but_the_core():
    with open(pyfunc_model.__file__, encoding="utf-8") as file:
        nodes = list(ast.walk(ast.parse(file.read())))
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert not [name for name in names if name.startswith(("pipelines", "bids_adapters"))]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"other": [1]}, "row 0 has neither"),
        ({"array": [["a", "b"]]}, "no block of numbers"),
        ({"array": [np.zeros((2, 2, 2))]}, r"the array of row 0"),
    ],
)
def test_a_map_that_cannot_be_embedded_is_refused_with_its_row(model, row, words):
    with pytest.raises(MapRefusedError, match=words) as refused:
        model.predict(None, pd.DataFrame(row))
    assert isinstance(refused.value, InputError)
    assert refused.value.get_http_status_code() == 400


@pytest.mark.parametrize("rows", [0, 1])
def test_an_input_without_columns_is_refused(model, rows):
    with pytest.raises(MapRefusedError, match="neither a column `image` nor a column `array`"):
        model.predict(None, pd.DataFrame(index=range(rows)))


@pytest.fixture(scope="module")
def harmonising():
    """A registered model that takes sites' differences from maps."""
    maps, table = anatomy(40, 0), pd.DataFrame({"group": ["target", "background"] * 20})
    table["site"], table["age"] = np.repeat(["a", "b"], 20), np.arange(40) % 9 + 8.0
    recipe = Recipe(image=GRID, cohort=CohortConfig(harmonise="combat"))
    model = Posteriors()
    model.image, model.adjustment = GRID, fit_adjustment(maps, table, np.arange(40), recipe)
    small = ModelConfig(salient=2, background=3, patch=4, patch_features=2, hidden=4)
    seen = adjusted(maps, model.adjustment, table)[:]
    model.model = initial_model(small, GRID, seen, (table["group"] == "target").to_numpy(), 0)
    codes = embed(model.model, seen)
    model.reference = fit_reference(code_matrix(codes), residuals(model.model, seen, codes), 99.0)
    rows = table.assign(array=list(maps))
    return model, rows, codes


def test_a_harmonising_model_gives_the_codes_it_was_trained_with(harmonising):
    model, rows, codes = harmonising
    found = model.predict(None, rows)
    np.testing.assert_allclose(found["s_00"], codes.salient_mean[:, 0], atol=1e-4)
    assert found["known_site"].all()
    assert list(model.predict(None, rows.iloc[:0])) == list(found)


def test_a_harmonising_model_asks_for_site_and_covariates(harmonising):
    model, rows, _ = harmonising
    with pytest.raises(MapRefusedError, match="needs everybody's 'site'"):
        model.predict(None, rows.drop(columns="site"))
    with pytest.raises(MapRefusedError, match="there is no covariate 'age'"):
        model.predict(None, rows.drop(columns="age"))


def test_a_site_that_was_not_met_is_refused_or_averaged(harmonising):
    model, rows, _ = harmonising
    elsewhere = rows.assign(site="elsewhere")
    with pytest.raises(MapRefusedError, match="knows the sites a, b and not elsewhere"):
        model.predict(None, elsewhere)
    found = model.predict(None, elsewhere, {"new_site": "average"})
    assert not found["known_site"].any()
    assert not np.allclose(found["s_00"], model.predict(None, rows)["s_00"])
