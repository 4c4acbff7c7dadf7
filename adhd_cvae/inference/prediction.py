"""What a frozen model tells of new maps: posteriors, and how far each map is from the participants trained on."""

import numpy as np
import pandas as pd

from adhd_cvae.inference.embedding import embed
from adhd_cvae.inference.out_of_distribution import Reference, code_matrix, residuals
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.names import column_names


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
