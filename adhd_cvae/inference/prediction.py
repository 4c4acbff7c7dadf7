"""What a frozen model tells of new maps: posteriors, and how far each map is from the participants trained on."""

import numpy as np
import pandas as pd

from adhd_cvae.inference.adjustment import Adjustment, adjusted, is_known
from adhd_cvae.inference.embedding import embed
from adhd_cvae.inference.out_of_distribution import Reference, code_matrix, residuals
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.names import KNOWN_SITE, column_names


def predict(model: ContrastiveVAE, reference: Reference, images: np.ndarray) -> pd.DataFrame:
    """Describe maps on the model's grid, (n, *shape), one row each.

    Returns
    -------
    pandas.DataFrame
        The columns of `column_names`, float64; `out_of_distribution` is bool.
    """
    codes = embed(model, images)
    distances = reference.distances(code_matrix(codes), residuals(model, images, codes))
    spaces = (codes.salient_mean, codes.background_mean, codes.salient_sd, codes.background_sd)
    values = np.hstack([*spaces, distances[:, None]]).astype(np.float64)
    *numbers, flag = column_names(codes.salient_mean.shape[1], codes.background_mean.shape[1])
    table = pd.DataFrame(values, columns=numbers)
    return table.assign(**{flag: reference.out_of_distribution(distances)})


def predict_adjusted(
    network: tuple[ContrastiveVAE, Reference],
    images: np.ndarray,
    adjustment: Adjustment | None,
    table: pd.DataFrame,
    *,
    average: bool = False,
) -> pd.DataFrame:
    """Describe maps (n, *shape) freed of what an adjustment takes away by the sites and covariates of a table.

    Returns
    -------
    pandas.DataFrame
        As of `predict`; where sites are brought together also `KNOWN_SITE`.

    Raises
    ------
    InputError
        A site or a covariate is missing, or a site is new and not to be taken for the `average` one.
    """
    if adjustment is None:
        return predict(*network, images)
    known = is_known(adjustment, table, average=average)
    found = predict(*network, adjusted(images, adjustment, table))
    return found if adjustment.site is None else found.assign(**{KNOWN_SITE: known})
