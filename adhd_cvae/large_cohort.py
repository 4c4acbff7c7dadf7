"""What keeps the memory that is needed from growing with the cohort."""

import mmap

import numpy as np

MOST_IN_MEMORY = 1000
"""Maps a linear model is fitted to; at 52,000 voxels in the mask 0.2 GB, held several times."""


def take_maps(images: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
    """Copy rows of the cache, and let go of the pages they came through.

    Pages of a memory-mapped file count as resident memory of the process, though the system can take them back: an
    epoch of 50,000 maps would seem to need 26 GB, and schedulers that limit resident memory would end it.
    """
    taken = np.require(images[rows], requirements=("ENSUREARRAY", "OWNDATA"))
    if isinstance(images.base, mmap.mmap) and not images.flags.writeable and hasattr(mmap, "MADV_DONTNEED"):
        images.base.madvise(mmap.MADV_DONTNEED)
    return taken


def sampled_rows(target: np.ndarray, background: np.ndarray, seed: int, smallest: int = 1) -> np.ndarray:
    """Rows of both groups a linear model is fitted to: all, or `MOST_IN_MEMORY` drawn with the seed, in proportion.

    Of a group at least `smallest` are drawn, or all.
    """
    groups = (target, background)
    size = sum(map(len, groups))
    if size <= MOST_IN_MEMORY:
        return np.sort(np.concatenate(groups))
    rng = np.random.default_rng(seed)
    sizes = [max(round(MOST_IN_MEMORY * len(group) / size), min(len(group), smallest)) for group in groups]
    drawn = (rng.choice(group, count, replace=False) for group, count in zip(groups, sizes, strict=True))
    return np.sort(np.concatenate(list(drawn)))
