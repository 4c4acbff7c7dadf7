"""Whose map cannot be used is left out, with its reason, and with its name where names may be told."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import ImageError
from adhd_cvae.images.cache import open_images
from bids_adapters.cohort import Cohort
from bids_adapters.preparation import prepare_cohort, without_unusable

GRID = ImageConfig(
    shape=(8, 8, 8), voxel_size=20, fwhm=0, centre=(0, 0, 0), min_template_correlation=None, max_offset=None
)
NAMES = ["sub-b", "sub-a", "sub-c"]


@pytest.fixture
def cohort():
    table = pd.DataFrame({"participant_id": NAMES, "image": [f"{one}.nii.gz" for one in NAMES]})
    return Cohort(
        table, {}, pd.DataFrame(columns=["participant_id", "stage", "reason", "detail"]), pd.DataFrame()
    )


@pytest.mark.parametrize("named", [True, False])
def test_maps_are_prepared_in_order_and_names_are_kept_only_where_they_may_be(cohort, named, tmp_path):
    affine = np.diag([20.0, 20, 20, 1])
    affine[:3, 3] = -70
    for number, name in enumerate(NAMES):
        values = np.random.default_rng(number).random((8, 8, 8)).astype(np.float32)
        nib.save(nib.Nifti1Image(values, affine), tmp_path / f"{name}.nii.gz")
    (tmp_path / "sub-a.nii.gz").write_bytes(b"broken")
    found = prepare_cohort(
        cohort, tmp_path, GRID, folder := tmp_path / "cache", lambda done, total: None, named=named
    )
    assert list(found.table["participant_id"]) == ["sub-b", "sub-c"]
    assert found.exclusions[["participant_id", "stage", "reason"]].to_numpy().tolist() == [
        ["sub-a", "image", "unreadable"]
    ]
    assert len(open_images(folder)) == 2
    assert (b"sub-" in (folder / "manifest.json").read_bytes()) is named
    again = prepare_cohort(cohort, tmp_path, GRID, folder, lambda done, total: None, named=named)
    assert again.exclusions.equals(found.exclusions)


def test_nobody_is_left_out_without_a_reason(cohort):
    assert without_unusable(cohort, [None] * 3).table.equals(cohort.table)
    found = without_unusable(cohort, [None, None, ImageError("empty", "no voxels")])
    assert list(found.table["participant_id"]) == ["sub-b", "sub-a"]
    assert found.exclusions["detail"].tolist() == ["no voxels"]
