"""Scanning sites as what a decoder takes beside the codes where it is conditioned on them. Numpy alone."""

from collections.abc import Sequence

import numpy as np

from adhd_cvae.config import ModelConfig


def known_sites(config: ModelConfig, sites: Sequence[str] | np.ndarray | None) -> tuple[str, ...]:
    """Sites (n,) that a decoder is fitted to, in order: those with enough participants; none where it takes none."""
    if sites is None or not config.condition_on_site:
        return ()
    names, counts = np.unique(np.asarray(sites).astype(str), return_counts=True)
    found = names[counts >= config.linear.smallest_site]
    return tuple(found.tolist()) if len(found) > 1 else ()


def site_columns(sites: Sequence[str] | np.ndarray | None, names: Sequence[str], count: int) -> np.ndarray:
    """What the decoder takes for `count` participants, (count, names) float32: 1 at their site.

    A site that is not among the `names`, or is not given, is the average of them all: the mean of their rows.
    """
    columns = np.zeros((count, len(names)), np.float32)
    if names and sites is not None:
        columns += np.asarray(sites).astype(str)[:, None] == np.array(names)
    columns[~columns.any(axis=1)] = 1 / max(len(names), 1)
    return columns
