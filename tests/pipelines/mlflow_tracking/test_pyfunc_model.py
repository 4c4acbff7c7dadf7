"""The registered model's own file: what it takes, and how it refuses."""

import ast
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking import pyfunc_model
from pipelines.mlflow_tracking.pyfunc_model import MapRefusedError, Posteriors


@pytest.fixture
def model():
    model = Posteriors()
    model.model = model.reference = None
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


def test_an_input_without_columns_is_refused(model):
    with pytest.raises(MapRefusedError, match="neither a column `image` nor a column `array`"):
        model.predict(None, pd.DataFrame(index=[0]))
