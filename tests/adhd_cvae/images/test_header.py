"""What a header says is checked before a voxel is read."""

import nibabel as nib
import numpy as np
import pytest

from adhd_cvae.errors import ImageError
from adhd_cvae.images.header import check_header, noted_kernel
from adhd_cvae.images.nifti import read_map

RAS = np.array([[4.0, 0, 0, -88], [0, 4, 0, -116], [0, 0, 4, -80], [0, 0, 0, 1]])
VALUES = np.random.default_rng(0).random((5, 6, 7)).astype(np.float32)
READERS = pytest.mark.parametrize("read", [check_header, read_map])


def forms(path, qform, sform, codes):
    image = nib.Nifti1Image(VALUES, RAS)
    image.set_qform(RAS @ np.diag([*qform, 1.0]), code=codes[0])
    image.set_sform(RAS @ np.diag([*sform, 1.0]), code=codes[1])
    nib.save(image, path)
    return path


def refusal(read, path):
    """Reason and detail for which a map is refused."""
    with pytest.raises(ImageError) as refused:
        read(path)
    return refused.value.reason, refused.value.detail


@READERS
@pytest.mark.parametrize(
    ("qform", "sform"),
    [((1, 1, 1), (-1, 1, 1)), ((-1, 1, 1), (1, 1, 1)), ((1, 1, 1), (1, -1, 1)), ((1, 1, 1), (-1, -1, 1))],
)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_forms_that_contradict_each_other_about_the_sides(tmp_path, read, qform, sform, name):
    reason, detail = refusal(read, forms(tmp_path / name, qform, sform, (1, 4)))
    assert reason == "mirrored_header"
    assert "left and right" in detail


@pytest.mark.parametrize(
    ("qform", "sform", "codes"),
    [
        ((1, 1, 1), (1, 1, 1), (1, 4)),
        ((-1, 1, 1), (-1, 1, 1), (2, 2)),
        ((1, 1, 1), (-1, 1, 1), (0, 4)),
        ((1, 1, 1), (-1, 1, 1), (1, 0)),
        ((1, 1, 1), (1.1, 0.9, 1), (1, 4)),
    ],
)
def test_forms_that_agree_or_of_which_one_is_not_in_force(tmp_path, qform, sform, codes):
    path = forms(tmp_path / "a.nii.gz", qform, sform, codes)
    check_header(path)
    values, affine = read_map(path)
    np.testing.assert_array_equal(values, VALUES)
    in_force = sform if codes[1] else qform
    np.testing.assert_allclose(affine, RAS @ np.diag([*in_force, 1.0]), atol=1e-5)


@READERS
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("/annex/objects/MD5E-s1355360--0f.nii.gz\n", "datalad get"),
        ("../../.git/annex/objects/a/b/MD5E-s1--c.nii.gz/MD5E-s1--c.nii.gz", "git annex get"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n", "git lfs pull"),
    ],
)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_pointer_is_not_fetched(tmp_path, read, content, words, name):
    (tmp_path / name).write_text(content)
    reason, detail = refusal(read, tmp_path / name)
    assert reason == "not_fetched"
    assert words in detail


@READERS
@pytest.mark.parametrize("target", ["../.git/annex/objects/x/y/z.nii.gz", "../elsewhere.nii.gz"])
def test_a_link_to_nothing_is_not_fetched(tmp_path, read, target):
    (tmp_path / "a.nii.gz").symlink_to(target)
    assert refusal(read, tmp_path / "a.nii.gz")[0] == "not_fetched"


@READERS
def test_other_shapes_and_what_is_not_there(tmp_path, read):
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4, 3), np.float32), RAS), tmp_path / "4d.nii.gz")
    assert refusal(read, tmp_path / "4d.nii.gz")[0] == "not_3d"
    assert refusal(read, tmp_path / "none.nii.gz")[0] == "missing"


@pytest.mark.parametrize(
    ("noted", "kernel"),
    [
        (b"SPM12 - conv(8,8,8)", "8,8,8"),
        (b"spm - 3D normalized - conv(6.0, 6, 6)", "6,6,6"),
        (b"CAT12", None),
        (b"", None),
    ],
)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_the_kernel_that_spm_noted_is_read(tmp_path, noted, kernel, name):
    image = nib.Nifti1Image(VALUES, RAS)
    image.header["descrip"] = noted
    nib.save(image, tmp_path / name)
    assert noted_kernel(tmp_path / name) == kernel
