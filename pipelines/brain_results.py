"""Decoded arrays in; NIfTI maps and the table of peaks out."""

from pathlib import Path

import numpy as np
import pandas as pd

from adhd_cvae.analysis.brainmaps import peaks_table, salient_effect_maps, severity_maps, to_volume
from adhd_cvae.config import AnalysisConfig
from adhd_cvae.errors import InputError
from pipelines.evidence import Evidence
from pipelines.nifti import save_nifti

SPACE = "MNI152NLin2009aSym"
PERMUTATIONS = 1000
"""Most rearrangements of a voxelwise test."""
SIGNIFICANT = 0.05
"""Corrected p below which a voxel enters the table of peaks."""


def read_decoded(path: Path) -> dict[str, np.ndarray]:
    """Read decoded.npz; never runs pickled code."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as .npz without pickle ({error}). Embed again.") from None


def write_maps(
    decoded: dict[str, np.ndarray], evidence: Evidence, settings: AnalysisConfig, seed: int, folder: Path
) -> pd.DataFrame:
    """Write every map; return the peaks of the salient effect.

    The salient effect and its test, its correlation with each battery's component, each salient unit's map
    and its traversal (4-D, one volume a step).
    """
    mask, affine = decoded["mask"], decoded["affine"]
    permutations = min(settings.permutations, PERMUTATIONS)
    effect = salient_effect_maps(decoded["effect"], mask, permutations=permutations, seed=seed)
    volumes = {f"salientEffect{_camel(name)}": values for name, values in effect.items()}
    rows = evidence.cohort.set_index("participant_id").reindex(decoded["effect_participant_id"].astype(str))
    within = settings.permute_within
    strata = None if within is None else pd.Series(rows[within])
    for battery in settings.batteries:
        if battery in rows:
            severity = rows[battery].to_numpy(float)
            maps = severity_maps(
                decoded["effect"], mask, severity, strata=strata, permutations=permutations, seed=seed
            )
            volumes |= {
                f"salientEffectBy{_camel(battery)}{_camel(name)}": values for name, values in maps.items()
            }
    for unit, values in enumerate(decoded.get("salient_map", ())):
        volumes[f"salientUnit{unit:02d}"] = to_volume(values, mask)
    for unit, steps in enumerate(decoded.get("traversal", ())):
        volumes[f"traversalUnit{unit:02d}"] = np.stack([to_volume(step, mask) for step in steps], axis=-1)
    for name, values in volumes.items():
        save_nifti(np.asarray(values, np.float32), affine, folder / f"space-{SPACE}_desc-{name}_map.nii.gz")
    return _peaks(effect, affine)


def _peaks(effect: dict[str, np.ndarray], affine: np.ndarray) -> pd.DataFrame:
    """Peaks of the statistic where the corrected p is significant; an empty table where nothing is."""
    significant = effect["p"] < SIGNIFICANT if "p" in effect else np.zeros(1, dtype=bool)
    statistic = effect.get("t", np.zeros((1, 1, 1), np.float32))
    threshold = float(np.abs(statistic[significant]).min()) if significant.any() else np.inf
    # Just below the smallest significant statistic, which itself belongs to the table.
    return peaks_table(
        np.where(np.isfinite(threshold), statistic, 0), affine, min(threshold * (1 - 1e-6), 1e6)
    )


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
