"""A study as files: tables byte by byte, maps empty or, for the command line, whole."""

import csv
import gzip
import io
import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from tests.validation.generated_datasets.truth import Map, Study, Table

ANNEX = ".git/annex/objects/Xk/7q/MD5E-s93217--{0}/MD5E-s93217--{0}"
VOXEL = 8
"""Millimetres of a written map."""


def write_study(study: Study, folder: Path) -> None:
    """Write a study's dataset into a new folder."""
    folder.mkdir(parents=True)
    for path, table in study.tables.items():
        if table.fetched:
            _put(folder / path, _table_bytes(table))
        else:
            _elsewhere(folder / path, pointer=len(path) % 2 == 0)
    for path, sidecar in study.sidecars.items():
        if sidecar:
            _put(folder / path, json.dumps(sidecar).encode())
    for path, text in study.texts.items():
        _put(folder / path, text.encode())
    for one in study.people:
        for image in one.maps:
            if not image.fetched:
                _elsewhere(folder / image.path, pointer=len(image.voxels) % 2 == 0)
            else:
                _put(folder / image.path, _map_bytes(image) if study.whole else _header_alone(image.path))


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _elsewhere(path: Path, *, pointer: bool) -> None:
    """Leave what git-annex leaves of a file that was not fetched."""
    path.parent.mkdir(parents=True, exist_ok=True)
    target = ANNEX.format(f"0f{path.name}")
    if pointer:
        path.write_bytes(f"/annex/objects/{target.rpartition('/')[2]}\n".encode())
    else:
        path.symlink_to(target)


def _table_bytes(table: Table) -> bytes:
    """Join cells by tabs as they are, or by commas as CSV quotes them."""
    rows = [table.header, *(list(cells) for _, cells in table.rows)]
    if table.ragged is not None:
        rows[1 + table.ragged % len(table.rows)] += ["one", "more"]
    if table.separator == "\t":
        return "".join("\t".join(row) + table.end for row in rows).encode(table.encoding)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@cache
def _header(*, packed: bool) -> bytes:
    content = nib.Nifti1Image(np.zeros((1, 1, 1), np.float32), np.eye(4)).to_bytes()
    return gzip.compress(content, 1) if packed else content


def _header_alone(path: str) -> bytes:
    """Give a map of one voxel: where names decide, nobody looks into it."""
    return _header(packed=path.endswith(".gz"))


@cache
def _template() -> tuple[np.ndarray, np.ndarray]:
    """Give gray matter of MNI152 (x, y, z) and its affine."""
    from nilearn.datasets import load_mni152_gm_template

    image: Any = load_mni152_gm_template(resolution=VOXEL)
    return np.asarray(image.dataobj, dtype=np.float32), np.asarray(image.affine)


@cache
def _brain(label: str) -> np.ndarray:
    """One participant's gray matter: the template's, more or less of it in each part."""
    template, _ = _template()
    rng = np.random.default_rng(zlib.crc32(label.encode()))
    parts = rng.uniform(0.8, 1.2, [-(-side // 3) for side in template.shape])
    grown = parts.repeat(3, 0).repeat(3, 1).repeat(3, 2)
    return template * grown[tuple(slice(0, side) for side in template.shape)].astype(np.float32)


def _map_bytes(image: Map) -> bytes:
    """Write a participant's brain, bent as the truth says."""
    values, affine = _brain(image.voxels), _template()[1].copy()
    if image.bend == "x255":
        values = values * 255
    if image.bend == "flip":  # stored the other way round; the brain lies where it lay
        values = values[::-1]
        affine[:3, 3] += affine[:3, 0] * (values.shape[0] - 1)
        affine[:3, 0] *= -1
    volume = nib.Nifti1Image(np.ascontiguousarray(values), affine)
    volume.set_qform(affine, 1)
    if image.bend == "sides":
        mirrored = affine.copy()
        mirrored[0] *= -1
        volume.set_sform(mirrored, 1)
    content = volume.to_bytes()
    return gzip.compress(content, 1) if image.path.endswith(".gz") else content
