"""Rows of the speed table: seconds and ratios with their spread."""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Row = dict[str, Any]


def measured(measure: str, values: Sequence[float], unit: str) -> Row:
    """One measure: median, lowest and highest of its rounds."""
    return {
        "measure": measure,
        "median": float(np.median(values)),
        "lowest": float(min(values)),
        "highest": float(max(values)),
        "unit": unit,
    }


def ratio(measure: str, theirs: Sequence[float], ours: Sequence[float]) -> Row:
    """Times that theirs takes longer; the extremes are those of the worst and the best luck with both."""
    return {
        "measure": measure,
        "median": float(np.median(theirs) / np.median(ours)),
        "lowest": min(theirs) / max(ours),
        "highest": max(theirs) / min(ours),
        "unit": "times",
    }


def timed(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one call by a clock."""
    started = clock()
    call()
    return clock() - started


def peak_gib() -> float:
    """Largest memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20
