"""Brain maps of the salient effect: a patient minus its background twin, tested voxel by voxel.

Every map is a vector over the voxels of the brain mask until `to_volume` puts it back on the grid.
"""

import warnings

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.reporting import get_clusters_table
from numpy.typing import NDArray

from adhd_cvae.analysis.permutation import DEFAULTS, Inference, permuted_orders, stratum_codes
from adhd_cvae.errors import InputError

_BLOCK = 64
"""Arrangements whose correlations are in memory at once."""
PEAK_COLUMNS = ["cluster", "x_mm", "y_mm", "z_mm", "peak", "volume_mm3"]


def to_volume(values: NDArray[np.floating], mask: NDArray, outside: float = 0.0) -> NDArray[np.float32]:
    """Put (voxels,) values back on the mask's grid, `outside` elsewhere.

    Raises
    ------
    InputError
        There are not as many values as voxels in the mask.
    """
    inside = np.asarray(mask).astype(bool)
    if np.shape(values) != (int(inside.sum()),):
        raise InputError(
            f"A map has shape {np.shape(values)}, the mask {int(inside.sum())} voxels. Decode again."
        )
    volume = np.full(inside.shape, outside, np.float32)
    volume[inside] = values
    return volume


def _max_t(
    arranged: NDArray[np.float64], effect: NDArray[np.float64], varying: NDArray[np.bool_], degrees: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Correlate a variable with each voxel: r, its t, and p corrected by each arrangement's largest |r|.

    A rearranged variable keeps its length and each voxel is divided by its own once, so one matrix product gives the
    correlations of many arrangements with all voxels. |t| rises with |r|: the largest |r| is that of the largest |t|
    (Westfall & Young 1993; Nichols & Holmes 2002, doi 10.1002/hbm.1058).

    Parameters
    ----------
    arranged
        (1 + permutations, patients) the variable, as it is and rearranged.
    effect
        (patients, voxels); variable and effect with what is held constant taken out.
    varying
        (voxels,) those to be tested; the others have r = t = 0 and p = 1.
    """
    kept = effect[:, varying]
    kept = kept / np.linalg.norm(kept, axis=0)
    arranged = arranged / np.linalg.norm(arranged[0])
    observed = arranged[0] @ kept
    blocks = np.array_split(arranged[1:], max(1, len(arranged) // _BLOCK))
    largest = np.sort(np.concatenate([np.abs(block @ kept).max(axis=1, initial=0.0) for block in blocks]))
    # Within rounding error of it counts as reaching it.
    reached = len(largest) - np.searchsorted(largest, np.abs(observed) - 1e-12)
    r, p = np.zeros(effect.shape[1]), np.ones(effect.shape[1])
    r[varying] = observed
    p[varying] = (1 + reached) / len(arranged)
    return r, r * np.sqrt(degrees / np.maximum(1 - r**2, np.finfo(float).eps)), p


def _varying(effect: NDArray[np.float64], left: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Voxels where what is `left` of the effect is more than rounding error; no others can be tested."""
    largest = np.abs(effect).max(axis=0, initial=0.0)
    return (largest > 0) & (left.std(axis=0) > 1e-6 * largest)


def _usable(effect: NDArray[np.floating], mask: NDArray) -> NDArray[np.float64]:
    voxels = int(np.asarray(mask).astype(bool).sum())
    if effect.ndim != 2 or effect.shape[1] != voxels:
        raise InputError(
            f"Effects of shape {effect.shape} do not fit a mask of {voxels} voxels. Decode again."
        )
    effect = np.asarray(effect, np.float64)
    return effect[np.isfinite(effect).all(axis=1)]


def _inference(t: NDArray, p: NDArray, mask: NDArray) -> dict[str, NDArray[np.float32]]:
    return {
        "t": to_volume(t, mask),
        "p": to_volume(p, mask, outside=1.0),
        "log10_p": to_volume(np.abs(np.log10(p)), mask),
    }


def salient_effect_maps(
    effect: NDArray[np.floating], mask: NDArray, inference: Inference
) -> dict[str, NDArray[np.float32]]:
    """Test whether patients differ from their background twins, voxel by voxel.

    Parameters
    ----------
    effect
        (patients, voxels) full decoding minus twin, gray-matter volume per voxel. Patients with a value that
        is not finite are left out.
    mask
        (x, y, z), as many voxels as `effect`.
    inference
        Its permutations are random flips of the patients' signs. The p-values are two-sided and corrected for all
        voxels by the largest statistic (`_max_t`).

    Returns
    -------
    dict
        3-D maps: `mean` (gray-matter volume per voxel); and, with enough patients, `t`, `p` (corrected; 1
        outside the mask) and `log10_p` (-log10 of it). Voxels that do not vary have t = 0 and p = 1.

    Raises
    ------
    InputError
        The effects do not fit the mask, or no patient has finite ones.
    """
    effect = _usable(effect, mask)
    if not len(effect):
        raise InputError("No patient has a finite salient effect; expected at least one. Check the decoding.")
    maps = {"mean": to_volume(effect.mean(axis=0), mask)}
    if len(effect) >= inference.sizes.minimum_patients:
        signs = np.ones((1 + inference.permutations, len(effect)))
        signs[1:] = np.random.default_rng(inference.seed).choice([-1.0, 1.0], size=signs[1:].shape)
        _, t, p = _max_t(signs, effect, _varying(effect, effect), len(effect) - 1)
        maps |= _inference(t, p, mask)
    return maps


def _centred(values: NDArray[np.float64], strata: NDArray[np.int64]) -> NDArray[np.float64]:
    """Subtract each stratum's mean."""
    centred = values.copy()
    for stratum in np.unique(strata):
        members = strata == stratum
        centred[members] -= values[members].mean(axis=0)
    return centred


def severity_maps(
    effect: NDArray[np.floating],
    mask: NDArray,
    severity: NDArray[np.floating] | pd.Series,
    inference: Inference,
) -> dict[str, NDArray[np.float32]]:
    """Correlate the salient effect with a severity-like variable, voxel by voxel.

    Parameters
    ----------
    effect, mask
        As in `salient_effect_maps`.
    severity
        (patients,) numbers; patients without one are left out.
    inference
        The severities are permuted within its strata, such as sites, whose means are held constant, so that r is
        within strata.

    Returns
    -------
    dict
        3-D maps `r` (Pearson's), `slope` (gray-matter volume per voxel for one standard deviation of the
        severity), `t`, `p` (corrected; 1 outside the mask), `log10_p`; empty where too few patients have a
        severity, or all of a stratum have the same.

    Raises
    ------
    InputError
        The effects do not fit the mask or the severities.
    """
    values = np.asarray(severity, np.float64)
    if len(values) != len(effect):
        raise InputError(f"{len(values)} severities for {len(effect)} patients' effects; give one each.")
    known = np.isfinite(values) & np.isfinite(effect).all(axis=1)
    values = values[known]
    effect = _usable(effect[known], mask)
    groups = stratum_codes(inference.strata, len(known))[known]
    degrees = len(values) - len(np.unique(groups)) - 1
    left = _centred(values, groups)
    enough = len(values) >= inference.sizes.minimum_patients and degrees >= 1
    if not enough or np.abs(left).max() <= 1e-12 * np.abs(values).max():
        return {}
    within = _centred(effect, groups)
    orders = permuted_orders(np.random.default_rng(inference.seed), groups, inference.permutations)
    r, t, p = _max_t(
        left[np.vstack([np.arange(len(left)), orders])], within, _varying(effect, within), degrees
    )
    slope = r * within.std(axis=0, ddof=1)
    return {"r": to_volume(r, mask), "slope": to_volume(slope, mask), **_inference(t, p, mask)}


def peaks_table(
    statistic: NDArray[np.floating],
    affine: NDArray[np.floating],
    threshold: float,
    *,
    cluster_voxels: int = DEFAULTS.maps.cluster_voxels,
) -> pd.DataFrame:
    """Clusters of a 3-D map beyond ±threshold, and their peaks in the affine's (MNI) millimetres.

    Returns
    -------
    pandas.DataFrame
        cluster (sub-peaks have letters), x_mm, y_mm, z_mm, peak (the statistic there), volume_mm3 (missing
        for sub-peaks); no rows where nothing passes.
    """
    if not np.abs(statistic).max(initial=0.0) > threshold:
        return pd.DataFrame(columns=PEAK_COLUMNS)
    image = nib.Nifti1Image(np.asarray(statistic, np.float32), np.asarray(affine, np.float64))
    with warnings.catch_warnings():
        # nilearn warns for each sign without a cluster: the table shows it.
        warnings.filterwarnings("ignore", message="No clusters found", category=UserWarning)
        found = get_clusters_table(image, threshold, cluster_threshold=cluster_voxels, two_sided=True)
    if found.empty:
        return pd.DataFrame(columns=PEAK_COLUMNS)
    found = found.set_axis(PEAK_COLUMNS, axis=1)
    found["cluster"] = found["cluster"].astype(str)
    found["volume_mm3"] = pd.to_numeric(found["volume_mm3"], errors="coerce")
    return found.reset_index(drop=True)
