"""What a MONAI bundle calls: the loader of maps, and the writer of codes."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from monai.transforms.compose import Compose
from monai.transforms.intensity.dictionary import ScaleIntensityd

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import ImageError, InputError
from adhd_cvae.images.nifti import load_map
from adhd_cvae.images.resampling import grid_affine
from adhd_cvae.inference.monai_bundle import LoadGrayMatterMapd, write_codes
from adhd_cvae.inference.prediction import predict


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
