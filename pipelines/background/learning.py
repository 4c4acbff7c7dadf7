"""From maps on the recipe's grid to a reference of healthy anatomy."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.cohort.covariates import site_codes
from adhd_cvae.models.reference_background import Moments, Reference, moments_of, reference_of
from pipelines.output_dir.run import Run


def learnt(run: Run, images: NDArray, table: pd.DataFrame) -> tuple[Reference, Moments]:
    """Learn it of maps (n, x, y, z) in the order of `table`, whose sites are its column `cohort.site`."""
    recipe = run.recipe
    values = images.reshape(len(images), -1)
    mask = np.flatnonzero(values.mean(axis=0, dtype=np.float32) > recipe.image.mask_threshold)
    with run.progress.bar("Learning healthy anatomy") as tick:
        moments = moments_of(
            *(values, site_codes(table, recipe.cohort.site), mask),
            lambda done, all_: tick(done, 2 * all_, "spread"),
        )
        reference = reference_of(
            *(values, moments, recipe.reference.most_axes),
            lambda done, all_: tick(all_ + done, 2 * all_, "axes"),
        )
    return reference, moments
