import os
from pathlib import Path

import pytest

from adhd_cvae.errors import InputError
from bids_adapters.images import index
from bids_adapters.images.index import index_images

NAME = "sub-{0}/ses-{1}/anat/sub-{0}_ses-{1}_run-01_space-MNI152Lin_label-GM_probseg.nii.gz"


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    root = tmp_path / "bids"
    touch(root, NAME.format("01", 1), NAME.format("02", 1), "derivatives/cat12/sub-01/mri/mwp1sub-01_T1w.nii")
    return root


def test_images_of_the_directory_and_of_its_derivatives(dataset: Path) -> None:
    touch(
        dataset,
        "sub-01/func/sub-01_bold.nii.gz",
        "sub-01/anat/sub-01_T1w.json",
        ".git/sub-01_T1w.nii",
        "code/x.nii",
    )
    images = {image.path: image for image in index_images(dataset)}
    assert set(images) == {
        NAME.format("01", 1),
        NAME.format("02", 1),
        "derivatives/cat12/sub-01/mri/mwp1sub-01_T1w.nii",
    }
    entities = images[NAME.format("01", 1)].entities
    assert entities["subject"] == "01"
    assert entities["session"] == "1"
    assert entities["label"] == "GM"
    assert images["derivatives/cat12/sub-01/mri/mwp1sub-01_T1w.nii"].root == "derivatives/cat12"


def test_a_kept_index_is_used_while_the_same_files_are_there(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = index_images(dataset, tmp_path)
    assert first == index_images(dataset)
    monkeypatch.setattr(index, "_index", lambda *_: pytest.fail("indexed again"))
    assert index_images(dataset, tmp_path) == first


def test_it_is_told_how_many_images_were_seen_of_all(dataset: Path, tmp_path: Path) -> None:
    touch(dataset, "sub-01/anat/sub-01_T1w.json", "sub-01/func/sub-01_bold.nii.gz", "code/x.nii", "README")
    told: list[tuple[int, int]] = []
    index_images(dataset, tmp_path, lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    index_images(dataset, tmp_path, lambda *_: pytest.fail("the kept index takes no time"))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; expected a BIDS dataset"):
        index_images(tmp_path / "absent")


@pytest.mark.parametrize("change", ["added", "deleted", "moved", "in a derivative", "spoiled index"])
def test_a_kept_index_notices_every_change(dataset: Path, tmp_path: Path, change: str) -> None:
    index_images(dataset, tmp_path)
    if change == "added":
        touch(dataset, NAME.format("03", 1))
    elif change == "deleted":
        (dataset / NAME.format("02", 1)).unlink()
    elif change == "moved":
        (dataset / NAME.format("02", 2)).parent.mkdir(parents=True)
        (dataset / NAME.format("02", 1)).rename(dataset / NAME.format("02", 2))
    elif change == "in a derivative":
        touch(dataset, "derivatives/fmriprep/sub-01/anat/sub-01_label-GM_probseg.nii.gz")
    else:
        (tmp_path / "index.json").write_text("{")
    assert index_images(dataset, tmp_path) == index_images(dataset)


def test_a_description_that_is_a_pipe_is_refused_and_not_waited_for(dataset: Path) -> None:
    os.mkfifo(dataset / "dataset_description.json")
    with pytest.raises(InputError, match="is a pipe, a device or a folder"):
        index_images(dataset)
