"""Maps of a cohort onto the common grid, and who is left out for a map that cannot be used."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import ImageError
from adhd_cvae.images.cache import prepare_images
from adhd_cvae.images.journal import Progress
from bids_adapters.cohort import Cohort


def prepare_cohort(
    cohort: Cohort, bids_dir: Path, image: ImageConfig, folder: Path, tick: Progress, *, named: bool = True
) -> Cohort:
    """Fill an image cache, `folder`; whoever is left has the maps of the cache, in their order.

    Parameters
    ----------
    named
        Whether the cache may hold names of files.
    """
    files = [bids_dir / one for one in cohort.table["image"]]
    return without_unusable(cohort, prepare_images(files, image, folder, tick, named=named))


def without_unusable(cohort: Cohort, errors: Sequence[ImageError | None]) -> Cohort:
    """Move the participants with an error, in the order of the table, to the exclusions."""
    usable = [error is None for error in errors]
    left_out = [
        {"participant_id": name, "stage": "image", "reason": error.reason, "detail": error.detail}
        for name, error in zip(cohort.table["participant_id"], errors, strict=True)
        if error is not None
    ]
    exclusions = pd.concat([cohort.exclusions, pd.DataFrame(left_out)]) if left_out else cohort.exclusions
    table = pd.DataFrame(cohort.table[usable]).reset_index(drop=True)
    return replace(cohort, table=table, exclusions=exclusions.reset_index(drop=True))
