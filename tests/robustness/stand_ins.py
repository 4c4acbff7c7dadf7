"""What would take minutes, or never end, in a campaign that asks only which files a verb touches."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipelines.benchmarks.separation import cells, grid
from pipelines.benchmarks.speed import stages
from pipelines.mlflow_tracking import ui
from pipelines.sensitivity import cells as pseudo_cohorts

_CONDITION = grid.Condition(n=8)
_ROWS = [
    {"metric": metric, "target": "severity_0", "space": space, "score": 0.5, "p_value": 0.5}
    for metric in ("r", "seconds")
    for space in ("salient", "background")
]
_FOUND = [
    {
        "effect": effect,
        "space": space,
        "measure": measure,
        "value": 0.5,
        "p_value": 0.5,
        "n": 12,
        "patients": 6,
    }
    for effect, space, measure in (
        ("all", "salient", "auc"),
        ("striatum", "salient", "r"),
        ("all", "maps", "dice"),
    )
]


def quick_verbs(patch: pytest.MonkeyPatch) -> None:
    """Let `benchmark` and `sensitivity` measure nothing and `ui` serve nothing; they write all the same."""
    patch.setattr(ui, "serve", lambda command: None)
    patch.setattr(stages, "measure_speed", lambda *_, **__: pd.DataFrame({"measure": ["a"], "median": [0.5]}))
    patch.setattr(grid, "QUICK", (_CONDITION,))
    patch.setattr(grid, "NULL", _CONDITION)
    patch.setattr(cells, "simulate_maps", lambda *_: SimpleNamespace())
    patch.setattr(cells, "reference_patients", lambda *_: None)
    patch.setattr(cells, "ceiling_rows", lambda *_, **__: _ROWS)
    patch.setattr(cells, "method_rows", lambda *_, **__: (_ROWS, {"salient": np.zeros((4, 2))}))
    patch.setattr(pseudo_cohorts, "measured", lambda *_, **_by_name: pd.DataFrame(_FOUND))
