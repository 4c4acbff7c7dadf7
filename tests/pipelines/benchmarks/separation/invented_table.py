"""An invented table of the separation benchmark."""

import pandas as pd

from pipelines.benchmarks.separation.grid import MIDDLE


def line(metric, score, method="one", space="salient", target="severity_a", seed=0, p_value=0.5, **condition):
    place = {
        **MIDDLE._asdict(),
        **condition,
        "method": method,
        "space": space,
        "target": target,
        "seed": seed,
    }
    return {**place, "metric": metric, "score": score, "p_value": p_value, "seconds": 1.0}


def invented_table():
    rows = [
        line("r", 0.2, seed=0),
        line("r", 0.4, seed=0, target="severity_b"),
        line("r", 0.5, seed=1),
        line("r", 0.9, seed=0, space="background"),
        line("r", 0.8, seed=0, cohens_d=1.4),
        line("r", 0.1, seed=0, cohens_d=1.4, n=100),
        line("r", 0.6, seed=0, population=1),
        line("r", 0.7, method="supervised_ridge", space="voxels"),
        line("probe_linear", 0.3, space="background", p_value=0.01),
        line("probe_linear", 0.1, space="background", p_value=0.2, seed=1),
        line("probe_rbf", 0.1, space="background", p_value=0.2),
        line("probe_linear", 0.6, space="background", target="group", p_value=0.04),
        line("probe_linear", 0.1, target="age", p_value=0.3),
        line("probe_linear", 0.1, method="two", space="all", target="age", p_value=0.001),
        line("probe_linear", 0.1, target="age", p_value=0.01, null=True),
        line("rsa", 0.1, target="age", p_value=0.9, null=True),
        line("hsic", 0.1, space="", target="", p_value=0.01),
    ]
    return pd.DataFrame(rows)
