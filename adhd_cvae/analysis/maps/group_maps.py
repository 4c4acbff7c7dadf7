"""Maps of patients against controls, of the salient effect against scores, and the peaks of the former."""

import warnings
from collections.abc import Iterable
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.reporting import get_clusters_table
from numpy.typing import NDArray

from adhd_cvae.analysis.maps.mass_univariate import (
    VoxelTest,
    freed,
    held_constant,
    max_t,
    to_volume,
)
from adhd_cvae.analysis.permutation import DEFAULTS, Inference
from adhd_cvae.errors import InputError
from adhd_cvae.names import ALPHA

AXES = ["x_mm", "y_mm", "z_mm"]
PEAK_COLUMNS = ["cluster", *AXES, "peak", "volume_mm3", "t"]
TABLE_COLUMNS = [
    *("map", "statistic", "n", "voxels", "significant", "largest", "p_value"),
    *("cosine", "sign_agreement", "covariates", "note"),
]


def group_test(
    blocks: Iterable[NDArray[np.floating]],
    is_patient: NDArray[np.bool_],
    covariates: NDArray[np.floating],
    inference: Inference,
) -> VoxelTest:
    """Test patients against controls voxel by voxel, with the covariates held constant.

    Participants alone at a site, and those of a site with one group, are part of it; they tell nothing about the
    group, and what they tell about the other covariates is used.

    Parameters
    ----------
    blocks
        The (n, some voxels) of the observed maps, all voxels in turn: no more of them than one block is in memory.
    is_patient
        (n,).
    covariates
        (n, columns) of numbers; columns that depend on each other do no harm.
    inference
        Participants are permuted within its strata, whose means are held constant too.

    Returns
    -------
    VoxelTest
        Its slope is patients minus controls.

    Raises
    ------
    InputError
        A covariate is not finite, or the numbers of participants differ.
    """
    n, fewest = len(is_patient), inference.sizes.minimum_patients
    if len(covariates) != n or not np.isfinite(covariates).all():
        raise InputError(
            f"Covariates of shape {np.shape(covariates)} for {n} participants; expected a finite row for each. "
            "Leave out what is not known for everybody."
        )
    if min(is_patient.sum(), n - is_patient.sum()) < fewest or n < inference.sizes.minimum:
        return VoxelTest(
            n, f"fewer than {fewest} patients or controls, or than {inference.sizes.minimum} in all"
        )
    inference = inference.among(np.ones(n, bool))
    test = max_t(is_patient, blocks, held_constant(inference.codes, covariates), inference)
    alike = "the groups do not differ within strata once the covariates are held constant"
    return VoxelTest(n, alike) if test is None else test


def severity_test(
    effect: NDArray[np.floating], severity: NDArray[np.floating] | pd.Series, inference: Inference
) -> VoxelTest:
    """Correlate the salient effect with a severity-like variable, voxel by voxel.

    Parameters
    ----------
    effect
        (patients, voxels) full decoding minus twin, gray-matter volume per voxel. Patients with a value that is not
        finite are left out.
    severity
        (patients,) numbers; patients without one are left out.
    inference
        The severities are permuted within its strata, such as sites, whose means are held constant, so that r is
        within strata.

    Returns
    -------
    VoxelTest
        Its slope is the change for one standard deviation of the severity within strata.

    Raises
    ------
    InputError
        The effects do not fit the severities.
    """
    values = np.asarray(severity, np.float64)
    if len(values) != len(effect):
        raise InputError(f"{len(values)} severities for {len(effect)} patients' effects; give one each.")
    known = np.isfinite(values) & np.isfinite(effect).all(axis=1)
    values, n = values[known], int(known.sum())
    if n < inference.sizes.minimum_patients:
        return VoxelTest(n, f"fewer than {inference.sizes.minimum_patients} patients have a value")
    among = inference.among(known)
    held = held_constant(among.codes)
    test = max_t(values, [effect[known]], held, among)
    if test is None:
        return VoxelTest(n, "does not vary within strata")
    return replace(test, slope=test.slope * freed(values, held).std(ddof=1))


def peaks_table(
    test: VoxelTest,
    mask: NDArray,
    affine: NDArray[np.floating],
    *,
    cluster_voxels: int = DEFAULTS.maps.cluster_voxels,
) -> pd.DataFrame:
    """Clusters of voxels with corrected p < `ALPHA`, and their peaks in the affine's (MNI) millimetres.

    Returns
    -------
    pandas.DataFrame
        cluster (sub-peaks have letters; the largest |t| first), x_mm, y_mm, z_mm, peak (the slope there), volume_mm3
        (missing for sub-peaks), t; no rows where nothing passes.
    """
    beyond = np.where(test.p < ALPHA, test.t, 0)
    if not beyond.any():
        return pd.DataFrame(columns=PEAK_COLUMNS)
    image = nib.Nifti1Image(to_volume(beyond, mask), np.asarray(affine, np.float64))
    threshold = 0.5 * float(np.abs(beyond[beyond != 0]).min())
    with warnings.catch_warnings():
        # nilearn warns for each sign without a cluster: the table shows it.
        warnings.filterwarnings("ignore", message="No clusters found", category=UserWarning)
        found = get_clusters_table(image, threshold, cluster_threshold=cluster_voxels, two_sided=True)
    if found.empty:
        return pd.DataFrame(columns=PEAK_COLUMNS)
    found = found.set_axis(["cluster", *AXES, "t", "volume_mm3"], axis=1)
    places = np.append(found[AXES].to_numpy(float), np.ones((len(found), 1)), 1)
    voxels = np.rint(np.linalg.inv(affine) @ places.T)[:3].astype(int)
    found["peak"] = to_volume(test.slope, mask)[tuple(voxels)]
    found["cluster"] = found["cluster"].astype(str)
    found["volume_mm3"] = pd.to_numeric(found["volume_mm3"], errors="coerce")
    return pd.DataFrame(found[PEAK_COLUMNS]).reset_index(drop=True)
