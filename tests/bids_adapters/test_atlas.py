"""The atlas a user brings: which table names its labels, and what is refused."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from adhd_cvae.errors import InputError
from bids_adapters.atlas import atlas_files, read_atlas

SHAPE = (12, 14, 12)
AFFINE = np.array([[10.0, 0, 0, -55], [0, 10, 0, -85], [0, 0, 10, -45], [0, 0, 0, 1]])
PLACE = (slice(2, 5), slice(4, 7), slice(4, 7))
CENTRE_MM = [-25.0, -35.0, 5.0]


def write_atlas(folder: Path, **names: str) -> Path:
    labels = np.zeros(SHAPE, np.int16)
    labels[PLACE] = 11
    path = folder / "tpl-MNI_res-02_atlas-Own_dseg.nii.gz"
    nib.Nifti1Image(labels, AFFINE).to_filename(path)
    for name, content in names.items():
        (folder / f"{name.replace('__', '-')}_dseg.tsv").write_text(content)
    return path


def test_its_table_names_a_place(tmp_path: Path) -> None:
    atlas = read_atlas(str(write_atlas(tmp_path, tpl__MNI_atlas__Own="index\tname\n11\tPutamen, left\n")))
    assert atlas is not None
    assert atlas.name_at(np.array(CENTRE_MM), 6.0) == "Putamen, left"


def test_the_nearest_table_of_names_is_taken(tmp_path: Path) -> None:
    atlas = write_atlas(tmp_path, tpl__MNI="a", tpl__MNI_atlas__Own="b", tpl__MNI_atlas__Other="c")
    assert [path.name for path in atlas_files(str(atlas))] == [atlas.name, "tpl-MNI_atlas-Own_dseg.tsv"]
    assert atlas_files(None) == []
    assert read_atlas(None) is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [("number\tname\n1\ta\n", "no column index"), ("index\tname\nx\ta\n", "no whole number")],
)
def test_a_table_that_is_none_is_a_clear_error(tmp_path: Path, names: str, expected: str) -> None:
    atlas = write_atlas(tmp_path, tpl__MNI_atlas__Own=names)
    with pytest.raises(InputError, match=expected):
        read_atlas(str(atlas))


def test_a_file_that_is_no_atlas_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a file.*analysis\.atlas=FILE"):
        read_atlas(str(tmp_path / "none.nii"))
    (tmp_path / "broken.nii").write_bytes(b"x")
    with pytest.raises(InputError, match=r"broken\.nii"):
        read_atlas(str(tmp_path / "broken.nii"))
    probabilities = tmp_path / "probabilities.nii"
    nib.Nifti1Image(np.random.default_rng(0).random(SHAPE).astype(np.float32), AFFINE).to_filename(
        probabilities
    )
    with pytest.raises(InputError, match="not whole numbers"):
        read_atlas(str(probabilities))
