"""What estimators take."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.estimators import LinearContrast, ReferenceBackground
from adhd_cvae.estimators.inputs import features_of, maps_of, paths_of, sites_of
from adhd_cvae.images.cache import open_images, prepare_images
from adhd_cvae.images.nifti import save_nifti
from adhd_cvae.images.resampling import grid_affine


@pytest.fixture
def files(maps, grid, tmp_path):
    """Maps as NIfTI files on the grid."""
    paths = [tmp_path / f"map-{number:02d}.nii.gz" for number in range(len(maps[0]))]
    for values, path in zip(maps[0], paths, strict=True):
        save_nifti(values, grid_affine(grid), path)
    return paths


def test_paths_come_in_lists_columns_and_tables():
    named = ["a.nii", "b.nii"]
    expected = [Path("a.nii"), Path("b.nii")]
    table = pd.DataFrame({"image": named, "age": [1, 2]})
    for given in (named, tuple(expected), np.array(named), table["image"], table):
        assert paths_of(given) == expected
    for features in ([], [[1.0]], np.zeros(3), np.zeros((2, 3)), table[["age"]], [1, "a.nii"]):
        assert paths_of(features) is None


def test_arrays_files_and_a_cache_are_the_same_maps(files, maps, grid, tmp_path):
    prepare_images(files, grid, tmp_path / "cache", lambda done, total: None)
    cache = open_images(tmp_path / "cache")
    assert maps_of(cache, grid) is cache
    for found in (maps_of(maps[0], grid), maps_of(files, grid), maps_of(files, grid, tmp_path / "new")):
        assert found.dtype == np.float16
        np.testing.assert_allclose(found, cache, atol=1e-3)
    flat = features_of(files, grid)
    assert flat.of_maps
    assert np.array_equal(flat.values, cache.reshape(60, -1))
    assert not features_of(cache.reshape(60, -1), grid).of_maps


def test_linear_models_take_files_and_tables_of_files(files, maps, grid):
    _, is_target, _ = maps
    table = pd.DataFrame({"image": files, "age": 10})
    reference = ReferenceBackground(least_participants=20, image=grid).fit(files)
    for borrowed in ([], [reference]):
        model = LinearContrast(2, 3, background_from=borrowed, image=grid)
        codes = model.fit(files, is_target).transform(table)
        assert np.array_equal(codes, model.fit(table, is_target).transform(files))
        np.testing.assert_allclose(codes, model.transform(maps_of(files, grid)), atol=1e-6)


def test_what_is_no_map_is_refused_by_name(files, maps, grid, tmp_path):
    files[3].write_bytes(b"no map")
    for cache in (None, tmp_path / "cache"):
        with pytest.raises(InputError, match=r"(?s)map-03.*1 maps cannot be used"):
            maps_of(files, grid, cache)
    with pytest.raises(InputError, match=r"shape \(60, 4, 4, 4\), expected \(n, 8, 8, 8\)"):
        maps_of(maps[0][:, :4, :4, :4], grid)
    with pytest.raises(InputError, match="shape list"):
        maps_of([1.0], grid)


def test_a_brain_given_twice_is_noticed_where_a_model_is_fitted(files, grid, tmp_path):
    twice = [*files, files[0]]
    assert len(maps_of(twice, grid)) == 61
    with pytest.raises(InputError, match="same brain"):
        maps_of(twice, grid, tmp_path / "cache")


def test_sites_are_one_each():
    assert sites_of(None, 3) is None
    found = sites_of([1, 2], 2)
    assert found is not None
    assert list(found) == ["1", "2"]
    with pytest.raises(InputError, match="a site for each of 3"):
        sites_of([1, 2], 3)
