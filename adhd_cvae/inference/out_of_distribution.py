"""How far a map lies from those of the cohort, as models see them that have not met them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file
from sklearn.covariance import LedoitWolf

from adhd_cvae.errors import InputError
from adhd_cvae.images.cache import take_maps
from adhd_cvae.inference.decoding import decode
from adhd_cvae.inference.embedding import Embedding, in_batches
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.models.weights import save_tensors


@dataclass(frozen=True)
class Reference:
    """What participants' codes and reconstructions look like to models that have not met them.

    Attributes
    ----------
    code_mean
        (units,) mean of s and z.
    code_precision
        (units, units) inverse of their covariance, shrunk after Ledoit & Wolf (2004,
        doi:10.1016/S0047-259X(03)00096-4) so that few participants suffice.
    code_scale
        Their mean squared Mahalanobis distance.
    residual_scale
        Mean of their `residuals`.
    limit
        Percentile of their distances beyond which a map is out of distribution.
    """

    code_mean: np.ndarray
    code_precision: np.ndarray
    code_scale: np.ndarray
    residual_scale: np.ndarray
    limit: np.ndarray

    def distances(self, codes: np.ndarray, residual: np.ndarray) -> np.ndarray:
        """Tell how far maps of a `code_matrix` are from the cohort: (n,) float64, about 1 for a map like theirs.

        The square is the mean of two ratios to the cohort's own mean: the squared Mahalanobis distance
        of (s, z), for maps that the model can describe but seldom saw, and the residual of the reconstruction, for
        what it cannot describe. NaN where a map is not finite.
        """
        centred = codes - self.code_mean
        squared = np.einsum("nu,uv,nv->n", centred, self.code_precision, centred)
        return np.sqrt((squared / self.code_scale + residual / self.residual_scale) / 2)

    def out_of_distribution(self, distances: np.ndarray) -> np.ndarray:
        """Flag distances beyond the limit: (n,) bool.

        At the 99th percentile one participant like them in a hundred is flagged: the limit comes from distances by
        models that have not met the participant. Smoother maps, or ones nearer the average, are never flagged.
        """
        return ~(distances <= self.limit)


def code_matrix(codes: Embedding) -> np.ndarray:
    """Posterior means of s, then z: (n, units) float64."""
    return np.hstack([codes.salient_mean, codes.background_mean]).astype(np.float64)


def residuals(model: ContrastiveVAE, images: np.ndarray, codes: Embedding) -> np.ndarray:
    """Mean squared difference of each map from its reconstruction, in standardised units: (n,) float64.

    Everybody is decoded from (z, s), since the group of a new map is not known; controls' s is near zero.
    """
    index, scale = model.mask_index.cpu().numpy(), model.voxel_scale.cpu().numpy()
    found = np.empty(len(images))
    for rows in in_batches(len(images)):
        maps = take_maps(images, rows).astype(np.float32)
        maps = maps.reshape(len(maps), -1)[:, index]
        decoded = decode(model, codes.background_mean[rows], codes.salient_mean[rows])
        found[rows] = np.square((maps - decoded) / scale).mean(axis=1)
    return found


def fit_reference(codes: np.ndarray, residual: np.ndarray, percentile: float) -> Reference:
    """Describe a cohort: `code_matrix` (n, units), `residuals` (n,), and the `limit`'s percentile."""
    covariance = LedoitWolf().fit(codes)
    squared = covariance.mahalanobis(codes)
    scales = np.maximum([squared.mean(), residual.mean()], np.finfo(np.float64).tiny)
    distances = np.sqrt((squared / scales[0] + residual / scales[1]) / 2)
    return Reference(
        code_mean=codes.mean(axis=0),
        code_precision=np.asarray(covariance.get_precision()),
        code_scale=scales[0],
        residual_scale=scales[1],
        limit=np.percentile(distances, percentile),
    )


def save_reference(reference: Reference, path: Path) -> None:
    """Write the numbers as safetensors."""
    save_tensors({name: torch.from_numpy(np.array(value)) for name, value in vars(reference).items()}, path)


def load_reference(path: Path) -> Reference:
    """Read what `save_reference` wrote.

    Raises
    ------
    InputError
        The file is missing or damaged.
    """
    try:
        return Reference(**load_file(path))
    except (FileNotFoundError, SafetensorError, TypeError) as error:
        raise InputError(
            f"{path.name} is missing or damaged ({str(error).splitlines()[0]}). Delete distances.tsv there and "
            "run `adhd-cvae embed` again."
        ) from None
