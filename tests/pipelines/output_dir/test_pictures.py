import nibabel as nib
import numpy as np
import pytest

from adhd_cvae.config import ImageConfig
from adhd_cvae.figures.cohort import mosaic
from adhd_cvae.images.quality import distances_from_mean
from pipelines.output_dir.pictures import MOST_MAPS, write_pictures

GRID = ImageConfig(shape=(8, 10, 6), voxel_size=20.0, fwhm=0.0, centre=(0, 0, 0))
AFFINE = np.diag([20.0, 20, 20, 1]) + np.array([[0, 0, 0, -70]] * 3 + [[0] * 4])


@pytest.fixture
def images():
    rng = np.random.default_rng(1)
    images = 0.5 + 0.05 * rng.standard_normal((30, *GRID.shape))
    images[7] += 0.1
    images[:, 0] = 0  # outside the brain
    return images.astype(np.float16)


def test_distance_is_about_one_and_large_for_the_odd_map(images):
    told = []
    distances = distances_from_mean(images, 0.1, lambda *one: told.append(one))
    assert told == [(done, 60) for done in range(1, 61)]
    assert distances.argmax() == 7
    assert distances[7] > 1.8
    assert np.mean(distances**2) == pytest.approx(29 / 30, rel=1e-3)
    others = images[:, 1:].reshape(30, -1).astype(float)
    expected = np.sqrt((((others - others.mean(0)) / others.std(0, ddof=1)) ** 2).mean(1))
    assert np.allclose(distances, expected, rtol=1e-3)


def test_no_variation_is_no_distance():
    assert not distances_from_mean(np.ones((3, 4, 4, 4), np.float16), 0.1).any()


def test_slices_are_kept_farthest_first_and_unreadable_files_passed_over(images, tmp_path):
    good = tmp_path / "upside_down.nii"
    values = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
    nib.save(nib.Nifti1Image(values, AFFINE), good)
    (tmp_path / "broken.nii").write_bytes(b"")
    left_out = [(tmp_path / "broken.nii", "unreadable"), *[(good, "not_in_template_space")] * 20]
    write_pictures(left_out, images, GRID, tmp_path / "pictures.npz", lambda *one: None)
    with np.load(tmp_path / "pictures.npz", allow_pickle=False) as kept:
        assert list(kept["excluded_reason"]) == ["not_in_template_space"] * MOST_MAPS
        assert kept["outlier"].shape == (MOST_MAPS, 3, 10, 10)
        assert kept["template"].shape == (3, 10, 10)
        assert set(np.unique(kept["template"])) == {0, 1}
        sagittal, coronal, axial = kept["outlier"][0]
        assert np.array_equal(sagittal[:6, :10], images[7][4].T)
        assert np.array_equal(coronal[:6, :8], images[7][:, 5].T)
        assert np.array_equal(axial[:10, :8], images[7][:, :, 3].T)
        assert (np.diff(kept["outlier_distance"]) <= 0).all()


def test_few_maps_have_no_outliers(images, tmp_path):
    write_pictures([], images[:4], GRID, tmp_path / "pictures.npz", lambda *one: None)
    with np.load(tmp_path / "pictures.npz", allow_pickle=False) as kept:
        assert len(kept["outlier"]) == len(kept["outlier_distance"]) == len(kept["excluded"]) == 0


def test_a_mosaic_has_a_panel_and_a_label_for_each_map():
    figure = mosaic(np.random.default_rng(0).random((3, 3, 6, 6)).astype(np.float16), ["a", "b", "c"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b", "c", ""]
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 0]
    assert figure.axes[0].images[0].get_array().shape == (6, 18)
    assert not figure.axes[0].collections


def test_the_border_of_the_template_is_drawn_over_every_map():
    outline = np.zeros((3, 6, 6), np.float16)
    outline[:, 2:4, 2:4] = 1
    figure = mosaic(np.ones((2, 3, 6, 6), np.float16), ["a", "b"], outline)
    assert [len(axes.collections) for axes in figure.axes] == [1, 1]
    assert len(figure.axes[0].collections[0].get_paths()[0].to_polygons()) == 3
