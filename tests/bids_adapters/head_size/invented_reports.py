"""Reports as the programs write them, with numbers of our own."""

from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.io import savemat

from bids_adapters.images.kind import Kind
from bids_adapters.images.naming import MapFile

MODULATED = Kind("CAT12", "template", "modulated")


def scans(*labels: str, session: str = "", run: str = "") -> dict[str, MapFile]:
    """Maps by key, of participants whose labels are their keys."""
    return {one: MapFile(f"sub-{one}.nii", one, MODULATED, session, run) for one in labels}


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def cat12(path: Path, tiv: float | str = 1500.5, iqr: float = 2.25) -> Path:
    """With a rating of the volume before the volume, as a search for the first of the name would find it."""
    return written(
        path,
        f"<?xml version='1.0' encoding='utf-8'?><S><subjectratings><vol_TIV>1.5</vol_TIV></subjectratings>"
        f"<qualityratings><IQR>{iqr}</IQR></qualityratings>"
        f"<subjectmeasures><vol_abs_CGW>[300 700 500 3]</vol_abs_CGW><vol_TIV>{tiv}</vol_TIV></subjectmeasures></S>",
    )


def aseg(path: Path, cubic_mm: float = 1400000.5) -> Path:
    return written(
        path,
        "# Title Segmentation Statistics\n"
        "# Measure BrainSeg, BrainSegVol, Brain Segmentation Volume, 1100000.000000, mm^3\n"
        f"# Measure EstimatedTotalIntraCranialVol, eTIV, Estimated Total Intracranial Volume, {cubic_mm:f}, mm^3\n",
    )


def seg8(path: Path, litres: tuple[float, ...] | None = (0.7, 0.5, 0.3, 0.2)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, object] = {"Affine": np.eye(4)}
    if litres is not None:
        content["volumes"] = {"litres": np.array(litres), "mask": "mask_ICV.nii"}
    savemat(path, content)
    return path


def tissue(path: Path, value: float, affine: tuple[float, float, float] = (10.0, 10.0, 10.0)) -> Path:
    """A map of 1,000 voxels with one of half the value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.full((10, 10, 10), value, np.float32)
    values[0, 0, 0] = value / 2
    nib.save(nib.Nifti1Image(values, np.diag([*affine, 1])), path)
    return path
