"""One report's numbers. Reports come from elsewhere: what they hold is read as numbers and as nothing else."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from adhd_cvae.errors import InputError
from adhd_cvae.images.nifti import read_map
from adhd_cvae.io import how_to_fetch

LARGEST = 2**26
"""Bytes; a larger report is not read: CAT12's have some 100,000, SPM's some millions."""
_CAT12 = {
    "tiv": ("./subjectmeasures/vol_TIV", "./QAS/SM/vol_TIV"),
    "iqr": ("./qualityratings/IQR", "./QAM/QM/IQR"),
}
"""Where a report of CAT12 has a number, and where those of its first versions do. `subjectratings` has ratings."""
_ASEG = re.compile(
    r"^# Measure (?:EstimatedTotal)?IntraCranialVol,.*,\s*([0-9.eE+-]+)\s*,\s*mm\^3\s*$", re.MULTILINE
)


def read_report(path: Path, tool: str) -> dict[str, float]:
    """Read head size (`tiv`, ml) and CAT12's image quality rating (`iqr`) from a report.

    Parameters
    ----------
    tool
        ``cat12``, ``freesurfer`` or ``spm``.

    Returns
    -------
    dict
        Without what the report does not say: SPM's has no volume unless Tissue Volumes was run.

    Raises
    ------
    InputError
        The report cannot be read, or must not be; one line that names it.
    """
    try:
        if (how := how_to_fetch(path)) is not None:
            raise InputError(f"{path.name}: {how}.")
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise InputError(f"{path.name} is no file, or larger than {LARGEST >> 20} MiB.")
        found = _READERS[tool](path)
    except (ET.ParseError, OSError, ValueError) as error:
        raise InputError(f"{path.name} cannot be read ({error}).") from None
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _cat12(path: Path) -> dict[str, float]:
    # As UTF-8 whatever it declares: in another encoding a declaration of entities would not be seen.
    text = path.read_bytes().decode("utf-8", "replace")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{path.name} declares a document type or entities, which no report of CAT12 does.")
    root, found = ET.fromstring(text), {}  # noqa: S314
    for name, places in _CAT12.items():
        texts = (element.text for place in places if (element := root.find(place)) is not None)
        if (words := next((text for text in texts if text), "").strip(" []\n")) != "":
            found[name] = float(words)
    return found


def _freesurfer(path: Path) -> dict[str, float]:
    found = _ASEG.search(path.read_text("utf-8", "replace"))
    return {} if found is None else {"tiv": float(found[1]) / 1000}


def _spm(path: Path) -> dict[str, float]:
    from scipy.io import loadmat, whosmat  # takes a fifth of a second

    try:
        kinds = {name: kind for name, _, kind in whosmat(path)}
        if kinds.get("volumes") != "struct":
            return {}
        litres = loadmat(path, variable_names=["volumes"], chars_as_strings=False)["volumes"]["litres"].flat[
            0
        ]
    except Exception as error:  # at a file that is none it raises nearly anything
        raise ValueError(f"volumes.litres cannot be taken from it: {error}") from None
    if not isinstance(litres, np.ndarray) or litres.dtype.kind not in "fiu" or litres.size < 3:
        raise ValueError("volumes.litres is not three numbers or more")
    return {"tiv": 1000 * float(litres.ravel()[:3].sum())}


_READERS = {"cat12": _cat12, "freesurfer": _freesurfer, "spm": _spm}


def volume(path: Path) -> float:
    """Sum a map times its voxels' volume, in ml.

    Raises
    ------
    ImageError
        As :func:`adhd_cvae.images.nifti.read_map`.
    """
    values, affine = read_map(path)
    return float(values.sum(dtype=float) * abs(np.linalg.det(affine[:3, :3])) / 1000)
