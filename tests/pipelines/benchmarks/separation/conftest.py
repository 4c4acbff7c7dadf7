import pandas as pd
import pytest

from tests.pipelines.benchmarks.separation.invented_table import invented_table


@pytest.fixture
def table() -> pd.DataFrame:
    return invented_table()
