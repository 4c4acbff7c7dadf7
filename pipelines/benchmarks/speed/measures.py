"""Rows of ``speed.tsv``, and the clocks and gauges they are read from."""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Row = dict[str, Any]


def row(measure: str, values: Sequence[float], unit: str) -> Row:
    """Median and extremes of a measure's rounds."""
    return {
        "measure": measure,
        "median": float(np.median(values)),
        "lowest": float(min(values)),
        "highest": float(max(values)),
        "unit": unit,
    }


def ratio(measure: str, theirs: Sequence[float], ours: Sequence[float]) -> Row:
    """Ratio of two medians; the extremes are those of the worst and the best luck with both."""
    return {
        "measure": measure,
        "median": float(np.median(theirs) / np.median(ours)),
        "lowest": min(theirs) / max(ours),
        "highest": max(theirs) / min(ours),
        "unit": "times",
    }


def timed(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of a call. Processor time (`time.process_time`) leaves out what else the machine does."""
    started = clock()
    call()
    return clock() - started


def peak_gib() -> float:
    """Most memory that this process has held so far, GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20
