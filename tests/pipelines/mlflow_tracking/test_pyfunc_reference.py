"""The registered reference, called directly."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from adhd_cvae.config import ImageConfig
from adhd_cvae.models.reference_background import fit_reference
from pipelines.mlflow_tracking.pyfunc_reference import HealthyAnatomy


@pytest.fixture
def known():
    """A reference of maps that vary along one axis, and that axis."""
    rng = np.random.default_rng(100)
    axis = rng.uniform(0.5, 1, 64)
    maps = 0.5 + 0.1 * rng.standard_normal((30, 1)) * axis
    model = HealthyAnatomy()
    model.reference = fit_reference(maps, most_axes=1)
    model.image = ImageConfig(shape=(4, 4, 4), voxel_size=40, min_template_correlation=None, max_offset=None)
    return model, maps


def test_of_maps_like_its_own_everything_is_explained_and_of_others_little(known):
    model, maps = known
    other = maps[0] + 0.3 * np.where(np.arange(64) % 2, 1, -1)
    arrays = [maps[0].reshape(4, 4, 4), np.abs(other).reshape(4, 4, 4)]
    found = model.predict(None, pd.DataFrame({"array": arrays}, index=[7, 9]))["explained"]
    assert found[7] == pytest.approx(1, abs=0.01)
    assert found[9] < 0.3


def test_maps_are_read_from_files_too(known, tmp_path):
    model, maps = known
    affine = np.diag([40.0, 40, 40, 1])
    affine[:3, 3] = np.array([0, -17, 6]) - 60
    nib.save(nib.Nifti1Image(maps[0].reshape(4, 4, 4).astype(np.float32), affine), tmp_path / "map.nii.gz")
    found = model.predict(None, pd.DataFrame({"image": [str(tmp_path / "map.nii.gz")]}))["explained"]
    assert 0 <= found[0] <= 1


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"array": [None]}, "row 0 has neither `image`"),
        ({"array": [["a", "b"]]}, "no block of numbers"),
        ({"array": [np.zeros((2, 2, 2))]}, r"row 0 has shape \(2, 2, 2\)"),
        ({"image": ["/nowhere/map.nii.gz"]}, "map.nii.gz is not there"),
        ({}, "neither a column `image`"),
    ],
)
def test_a_map_that_is_none_is_refused_with_its_row(known, table, words):
    with pytest.raises(MlflowException, match=words) as refused:
        known[0].predict(None, pd.DataFrame(table, index=[0]))
    assert refused.value.get_http_status_code() == 400
