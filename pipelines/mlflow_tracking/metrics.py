"""Numbers for MLflow: losses of every epoch and final scores, each sent once."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from mlflow import MlflowClient
from mlflow.entities import Metric

_WORDS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
EPOCH_METRICS: dict[str, str] = _WORDS["epoch"]
"""Column of history.tsv to the metric's name in MLflow, after ``cvae/`` or ``vae/``."""
_TERMS = frozenset(_WORDS["terms"])
"""Columns that are exactly 0 where the objective, or the plain model, lacks that term: nothing was measured."""
_AT_ONCE = 1000
"""The most MLflow takes."""


def reached_ms(row: Mapping[str, Any], otherwise: int) -> int:
    """When an epoch was over. Always the same, so that the store knows a value again that reaches it twice."""
    reached = row.get("time_ms", math.nan)
    return otherwise if math.isnan(reached) else int(reached)


def epoch_metrics(row: Mapping[str, Any], otherwise_ms: int) -> list[Metric]:
    """Metrics of one row of the history; missing values are left out, and terms that the objective lacks."""
    time_ms = reached_ms(row, otherwise_ms)
    values = {column: float(row.get(column, math.nan)) for column in EPOCH_METRICS}
    return [
        Metric(f"{row['model']}/{name}", values[column], time_ms, int(row["epoch"]))
        for column, name in EPOCH_METRICS.items()
        if not math.isnan(values[column]) and not (column in _TERMS and values[column] == 0)
    ]


def log_history(client: MlflowClient, run_id: str, history: pd.DataFrame, now_ms: int) -> None:
    """Log the losses of every epoch that the run lacks; `now_ms` is for rows that do not say when they were reached."""
    rows = history.to_dict("records")
    log_missing(client, run_id, [metric for row in rows for metric in epoch_metrics(row, now_ms)])


def log_scores(client: MlflowClient, run_id: str, scores: dict[str, float], time_ms: int) -> None:
    """Log final scores; names are made fit for MLflow, missing values are left out."""
    metrics = [
        Metric(metric_name(name), value, time_ms, 0)
        for name, value in scores.items()
        if not math.isnan(value)
    ]
    log_missing(client, run_id, metrics)


def log_missing(client: MlflowClient, run_id: str, metrics: list[Metric]) -> None:
    """Log those metrics whose step the run does not have yet."""
    known = known_steps(client, run_id, {metric.key for metric in metrics})
    send(client, run_id, [metric for metric in metrics if (metric.key, metric.step) not in known])


def send(client: MlflowClient, run_id: str, metrics: list[Metric]) -> None:
    """Log metrics in as few requests as MLflow allows."""
    for start in range(0, len(metrics), _AT_ONCE):
        client.log_batch(run_id, metrics=metrics[start : start + _AT_ONCE])


def known_steps(client: MlflowClient, run_id: str, names: set[str]) -> set[tuple[str, int]]:
    """Name and step of every value that the run holds of some metrics."""
    held = names & set(client.get_run(run_id).data.metrics)
    return {(name, point.step) for name in held for point in client.get_metric_history(run_id, name)}


def metric_name(text: str) -> str:
    """Replace what MLflow forbids in a metric's name by ``-``."""
    return re.sub(r"[^\w\-./ :]", "-", text)
