"""Who is in two datasets: maps of one participant are alike, though they were prepared otherwise.

Each dataset is taken around its own mean map, so that what programs differ in goes, and each leading axis of both is
given the same variance: what few axes hold, sites, age, smoothing, then counts for little, and different people do not
agree on a hundred axes by chance.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

_SAMPLE = 500
"""Maps of each dataset from which the axes are."""
_BLOCK = 128
"""Maps that are in memory at once."""


def equal_maps(own: NDArray, others: NDArray) -> NDArray[np.bool_]:
    """Say of each of others (m, …) whether it is in own (n, …), value for value."""
    known = {hashlib.sha256(one.tobytes()).digest() for one in own}
    return np.array([hashlib.sha256(one.tobytes()).digest() in known for one in others], bool)


def common_mask(own: NDArray, others: NDArray, threshold: float) -> NDArray[np.integer]:
    """Voxels, of a flattened map, whose mean exceeds a threshold in both."""
    means = [one.mean(axis=0, dtype=np.float32).ravel() for one in (own, others)]
    return np.flatnonzero(np.minimum(*means) > threshold)


def likeness(own: NDArray, others: NDArray, mask: NDArray[np.integer], axes: int) -> NDArray[np.float32]:
    """Give each of others (m, …) its highest correlation with anybody of own (n, …).

    Parameters
    ----------
    mask
        Voxels, of a flattened map, that are compared.
    axes
        Leading axes of both along which maps are compared, at most half as many as maps.
    """
    every = (own, others)
    means = [one.mean(axis=0, dtype=np.float32).ravel()[mask] for one in every]
    places = [np.unique(np.linspace(0, len(one) - 1, min(len(one), _SAMPLE)).astype(int)) for one in every]
    taken = zip(every, means, places, strict=True)
    sample = np.vstack([_flat(one[rows], mask) - mean for one, mean, rows in taken])
    lengths, vectors = np.linalg.eigh(sample @ sample.T)
    keep = np.arange(len(sample))[::-1][: min(axes, len(sample) // 2)]
    # Scores over their spread, by one product: rows of `whiten` are axes, each over the root of its variance.
    whiten = (vectors[:, keep] / np.maximum(lengths[keep], np.finfo(np.float32).tiny)).T @ sample
    ours, theirs = (_directions(one, mask, mean, whiten) for one, mean in zip(every, means, strict=True))
    found = [(part @ ours.T).max(axis=1) for part in np.array_split(theirs, len(theirs) // _BLOCK + 1)]
    return np.concatenate(found)


def _directions(
    images: NDArray, mask: NDArray[np.integer], mean: NDArray, whiten: NDArray
) -> NDArray[np.float32]:
    """Where maps lie on the axes, as rows of length 1; of no length where a map is the mean."""
    parts = [
        (_flat(images[start : start + _BLOCK], mask) - mean) @ whiten.T
        for start in range(0, len(images), _BLOCK)
    ]
    scores = np.concatenate(parts)
    lengths = np.linalg.norm(scores, axis=1, keepdims=True)
    return np.divide(scores, lengths, out=np.zeros_like(scores), where=lengths > 0)


def _flat(images: NDArray, mask: NDArray[np.integer]) -> NDArray[np.float32]:
    return np.asarray(images).reshape(len(images), -1)[:, mask].astype(np.float32)
