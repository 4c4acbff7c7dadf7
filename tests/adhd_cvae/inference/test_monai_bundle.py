"""What a MONAI bundle calls: the loader of maps, and the writer of codes."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from monai.transforms.compose import Compose
from monai.transforms.intensity.dictionary import ScaleIntensityd

from adhd_cvae.config import CohortConfig, ImageConfig, Recipe
from adhd_cvae.errors import ImageError, InputError
from adhd_cvae.images.nifti import load_map
from adhd_cvae.images.resampling import grid_affine
from adhd_cvae.inference.adjustment import fit_adjustment
from adhd_cvae.inference.monai_bundle import LoadGrayMatterMapd, read_maps, write_adjusted_codes, write_codes
from adhd_cvae.inference.prediction import predict, predict_adjusted
from adhd_cvae.io import read_tsv, write_tsv


def test_maps_are_loaded_in_any_compose_as_the_stages_do(tmp_path):
    grid = ImageConfig(shape=(16, 16, 16), voxel_size=12, min_template_correlation=None, max_offset=None)
    values = np.random.default_rng(0).uniform(0, 1, (20, 24, 20)).astype(np.float32)
    path = tmp_path / "map.nii.gz"
    nib.Nifti1Image(values, np.diag([8.0, -8, 8, 1])).to_filename(path)
    chain = Compose(
        [LoadGrayMatterMapd("image", grid), ScaleIntensityd("image", minv=None, maxv=None, factor=1.0)]
    )
    data = {"image": str(path), "participant_id": "sub-1"}
    loaded = chain(data)
    assert data["image"] == str(path)
    assert loaded["participant_id"] == "sub-1"
    np.testing.assert_allclose(loaded["image"][0].numpy(), 2 * load_map(path, grid).astype(np.float32))
    np.testing.assert_allclose(loaded["image"].affine.numpy(), grid_affine(grid))


def test_an_absent_entry_may_be_allowed_and_an_absent_file_may_not(tmp_path):
    data = {"image": str(tmp_path / "absent.nii.gz")}
    with pytest.raises(KeyError):
        LoadGrayMatterMapd("other", ImageConfig())(data)
    assert LoadGrayMatterMapd("other", ImageConfig(), allow_missing_keys=True)(data) == data
    with pytest.raises(ImageError, match=r"absent\.nii\.gz"):
        LoadGrayMatterMapd("image", ImageConfig())(data)


def test_codes_of_all_batches_come_in_one_table_beside_their_names(described, tmp_path):
    model, images, reference = described
    batches = [
        {"image": images[:2, None].astype(np.float32), "name": ["a.nii", "b.nii"]},
        {"image": images[2:3, None].astype(np.float32), "name": ["c.nii"]},
    ]
    write_codes(model, reference, batches, str(tmp_path / "codes.tsv"))
    written = pd.read_csv(tmp_path / "codes.tsv", sep="\t")
    assert written["image"].tolist() == ["a.nii", "b.nii", "c.nii"]
    expected = predict(model, reference, images[:3])
    assert list(written) == ["image", *expected]
    pd.testing.assert_frame_equal(written[["s_00", "distance"]], expected[["s_00", "distance"]], atol=1e-5)


def test_no_maps_are_one_line_and_no_table(described, tmp_path):
    model, _, reference = described
    with pytest.raises(InputError, match="no file fits `image`"):
        write_codes(model, reference, [], str(tmp_path / "codes.tsv"))
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def adjusted(described):
    """Model, what takes sites from its maps, the table of these, and their batches in another order."""
    model, images, reference = described
    table = pd.DataFrame({"group": ["background", "target"] * 100, "site": np.repeat(["a", "b"], 100)})
    recipe = Recipe(cohort=CohortConfig(harmonise="combat", covariates=()))
    adjustment = fit_adjustment(images, table, np.arange(200), recipe)
    rows = np.array([150, 3, 120, 7])
    batches = [
        {"image": images[part, None].astype(np.float32), "name": [f"{row}.nii" for row in part], "row": part}
        for part in (rows[:2], rows[2:])
    ]
    return (model, reference), images, adjustment, table, batches, rows


def test_codes_of_adjusted_maps_go_by_the_row_of_each(adjusted, tmp_path):
    network, images, adjustment, table, batches, rows = adjusted
    path = str(tmp_path / "codes.tsv")
    write_adjusted_codes(network, adjustment, table, batches, path, "refuse")
    expected = predict_adjusted(network, images[rows], adjustment, table.iloc[rows])
    found = read_tsv(tmp_path / "codes.tsv")
    assert found["image"].tolist() == [f"{row}.nii" for row in rows]
    np.testing.assert_allclose(found["s_00"], expected["s_00"], atol=1e-5)
    assert found["known_site"].all()
    swapped = table.assign(site=table["site"].to_numpy()[::-1])
    write_adjusted_codes(network, adjustment, swapped, batches, path, "refuse")
    assert np.abs(read_tsv(tmp_path / "codes.tsv")["z_00"] - found["z_00"]).max() > 0.01


def test_a_new_site_is_refused_or_the_average_and_a_lost_adjustment_is_refused(adjusted, tmp_path):
    network, _, adjustment, table, batches, _ = adjusted
    elsewhere, path = table.assign(site="elsewhere"), str(tmp_path / "codes.tsv")
    with pytest.raises(InputError, match="knows the sites a, b and not elsewhere"):
        write_adjusted_codes(network, adjustment, elsewhere, batches, path, "refuse")
    write_adjusted_codes(network, adjustment, elsewhere, batches, path, "average")
    assert not read_tsv(tmp_path / "codes.tsv")["known_site"].any()
    with pytest.raises(InputError, match=r"adjustment\.json is missing"):
        write_adjusted_codes(network, None, table, batches, path, "refuse")


def test_a_table_of_maps_names_them_from_a_folder_and_is_refused_without_them(tmp_path):
    write_tsv(pd.DataFrame({"image": ["a.nii", "/b.nii"], "site": [1, 2]}), tmp_path / "maps.tsv")
    assert read_maps(str(tmp_path / "maps.tsv"), "/maps")["image"].tolist() == ["/maps/a.nii", "/b.nii"]
    write_tsv(pd.DataFrame({"path": ["a.nii"]}), tmp_path / "other.tsv")
    with pytest.raises(InputError, match="has 1 rows and the columns path"):
        read_maps(str(tmp_path / "other.tsv"), "/maps")
    with pytest.raises(InputError, match=r"nowhere\.tsv cannot be read"):
        read_maps(str(tmp_path / "nowhere.tsv"), "/maps")
