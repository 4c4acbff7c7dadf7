"""Brain maps of the salient effect: a patient minus its background twin, tested voxel by voxel.

Every map is a vector over the voxels of the brain mask until `to_volume` puts it back on the grid.
"""

import warnings
from collections.abc import Hashable, Sequence

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.mass_univariate import permuted_ols
from nilearn.reporting import get_clusters_table
from numpy.typing import NDArray

from adhd_cvae.analysis.permutation import stratum_codes
from adhd_cvae.errors import InputError

MINIMUM_PATIENTS = 5
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


def _varying(effect: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Voxels whose values differ between patients by more than rounding error; no others can be tested."""
    largest = np.abs(effect).max(axis=0, initial=0.0)
    return (largest > 0) & (effect.std(axis=0) > 1e-6 * largest)


def _tested(
    variable: NDArray[np.float64],
    effect: NDArray[np.float64],
    held: NDArray[np.float64] | None,
    permutations: int,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """t, and -log10 p corrected by each permutation's largest |t|; both 0 where a voxel does not vary.

    What the columns of `held` explain is taken out of the variable and the effect.
    """
    varying = _varying(effect)
    t, log10_p = np.zeros(effect.shape[1]), np.zeros(effect.shape[1])
    if varying.any():
        found = permuted_ols(
            variable[:, None],
            effect[:, varying],
            confounding_vars=held,
            model_intercept=False,
            n_perm=permutations,
            two_sided_test=True,
            random_state=seed,
            n_jobs=1,
            verbose=0,
            output_type="dict",
        )
        t[varying] = found["t"][0]
        log10_p[varying] = np.maximum(found["logp_max_t"][0], 0.0)  # nilearn gives -0 for p = 1
    return t, log10_p


def _usable(effect: NDArray[np.floating], mask: NDArray) -> NDArray[np.float64]:
    voxels = int(np.asarray(mask).astype(bool).sum())
    if effect.ndim != 2 or effect.shape[1] != voxels:
        raise InputError(
            f"Effects of shape {effect.shape} do not fit a mask of {voxels} voxels. Decode again."
        )
    effect = np.asarray(effect, np.float64)
    return effect[np.isfinite(effect).all(axis=1)]


def _inference(t: NDArray, log10_p: NDArray, mask: NDArray) -> dict[str, NDArray[np.float32]]:
    return {
        "t": to_volume(t, mask),
        "p": to_volume(10.0**-log10_p, mask, outside=1.0),
        "log10_p": to_volume(log10_p, mask),
    }


def salient_effect_maps(
    effect: NDArray[np.floating], mask: NDArray, *, permutations: int = 1000, seed: int = 0
) -> dict[str, NDArray[np.float32]]:
    """Test whether patients differ from their background twins, voxel by voxel.

    Parameters
    ----------
    effect
        (patients, voxels) full decoding minus twin, gray-matter volume per voxel. Patients with a value that
        is not finite are left out.
    mask
        (x, y, z), as many voxels as `effect`.
    permutations
        Random flips of the patients' signs. The p-values are two-sided and corrected for all voxels by the
        largest statistic (Westfall & Young 1993; nilearn's `permuted_ols`).

    Returns
    -------
    dict
        3-D maps: `mean` (gray-matter volume per voxel); and, from five patients on, `t`, `p` (corrected; 1
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
    if len(effect) >= MINIMUM_PATIENTS:
        t, log10_p = _tested(np.ones(len(effect)), effect, None, permutations, seed)
        maps |= _inference(t, log10_p, mask)
    return maps


def _vary_within(values: NDArray[np.float64], held: NDArray[np.float64]) -> bool:
    """Whether the values of any stratum, a column of `held`, differ."""
    return any(np.ptp(values[members > 0]) > 0 for members in held.T)


def severity_maps(
    effect: NDArray[np.floating],
    mask: NDArray,
    severity: NDArray[np.floating] | pd.Series,
    *,
    strata: Sequence[Hashable] | pd.Series | NDArray | None = None,
    permutations: int = 1000,
    seed: int = 0,
) -> dict[str, NDArray[np.float32]]:
    """Correlate the salient effect with a severity-like variable, voxel by voxel.

    Parameters
    ----------
    effect, mask
        As in `salient_effect_maps`.
    severity
        (patients,) numbers; patients without one are left out.
    strata
        (patients,) such as sites: their means are held constant, so that r is within strata. None: one stratum.
    permutations
        Of what is left of the patients' effects (Freedman & Lane 1983, doi 10.1080/07350015.1983.10509354).

    Returns
    -------
    dict
        3-D maps `r` (Pearson's), `slope` (gray-matter volume per voxel for one standard deviation of the
        severity), `t`, `p` (corrected; 1 outside the mask), `log10_p`; empty where fewer than five patients have a
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
    groups = stratum_codes(strata, len(known))[known]
    held = (groups[:, None] == np.unique(groups)).astype(np.float64)
    degrees = len(values) - held.shape[1] - 1
    if len(values) < MINIMUM_PATIENTS or degrees < 1 or not _vary_within(values, held):
        return {}
    t, log10_p = _tested(values, effect, held, permutations, seed)
    r = t / np.sqrt(t**2 + degrees)
    within = effect - held @ np.linalg.lstsq(held, effect, rcond=None)[0]
    slope = r * within.std(axis=0, ddof=1)
    return {"r": to_volume(r, mask), "slope": to_volume(slope, mask), **_inference(t, log10_p, mask)}


def peaks_table(
    statistic: NDArray[np.floating],
    affine: NDArray[np.floating],
    threshold: float,
    *,
    cluster_voxels: int = 10,
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
