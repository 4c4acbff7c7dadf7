"""What a cohort of 280 could have shown, invented: shares that rise with the effect, the size and what is lent."""

from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from adhd_cvae.io import write_json
from tests.pipelines.whole_tables import write_whole

TESTS = (
    *(("all", "salient", "auc"), ("all", "maps", "dice"), ("all", "background", "auc")),
    *(("striatum", "salient", "r"), ("amygdala", "salient", "r")),
)
NOTE = "Site 3 has controls only."


def facts(**other: Any) -> dict[str, Any]:
    sizes = {"n": 280, "patients": 140, "cohort_n": 140, "cohort_patients": 70, "controls": 140}
    asked = {"severities": ["striatum", "amygdala"], "quick": False, "notes": [NOTE]}
    return {**sizes, "references": ["pool"], "lent": 482, **asked, **other}


def power_table(lent: tuple[int, ...] = (0, 482), sizes: tuple[int, ...] = (70, 140, 280)) -> pd.DataFrame:
    """Beyond 140 participants extrapolated."""
    rows = []
    for size, borrowed, d, (effect, space, measure) in product(sizes, lent, (0.2, 0.5, 1.2), TESTS):
        share = min(1.0, d * size / 280 * (1.4 if borrowed else 0.7) * (0.5 if effect == "amygdala" else 1))
        row = {"effect": effect, "cohens_d": d, "n": size, "patients": size // 2, "borrowed": borrowed}
        row |= {"space": space, "measure": measure, "significant": share, "cohorts": 40}
        if size <= 140:
            row |= {"significant_low": max(0.0, share - 0.1), "significant_high": min(1.0, share + 0.1)}
        rows.append({**row, "extrapolated": int(size > 140)})
    return pd.DataFrame(rows)


def smallest_table() -> pd.DataFrame:
    rows = []
    for size, borrowed, (effect, space, measure) in product((140, 280), (0, 482), TESTS):
        d = None if effect == "amygdala" and not borrowed else 0.9 - size / 700 - borrowed / 4820
        row = {"effect": effect, "n": size, "borrowed": borrowed, "space": space, "measure": measure}
        ends = {} if d is None else {"ci_low": d - 0.1, "ci_high": d + 0.2}
        note = "less than 80 % at the largest d planted, 1.2" if d is None else None
        rows.append({**row, "cohens_d": d, **ends, "note": note})
    return pd.DataFrame(rows)


def false_positives_table(largest: float = 0.065) -> pd.DataFrame:
    rows = [
        ("salient auc", "salient", "auc", largest),
        ("group map, any voxel", "maps", "dice", 0.045),
        ("r of striatum's severity", "salient", "r", 0.025),
    ]
    table = pd.DataFrame(rows, columns=["test", "space", "measure", "below"])
    return table.assign(borrowed=0, ci_low=table["below"] - 0.02, ci_high=table["below"] + 0.04, cohorts=200)


def write_sensitivity(folder: Path, **other: Any) -> None:
    write_whole(power_table(), folder / "sensitivity/power.tsv")
    write_whole(smallest_table(), folder / "sensitivity/smallest.tsv")
    write_whole(false_positives_table(), folder / "sensitivity/false_positives.tsv")
    write_json(facts(**other), folder / "sensitivity/sensitivity.json")
