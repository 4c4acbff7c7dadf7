import nibabel as nib
import numpy as np
import pytest

from adhd_cvae.config import ImageConfig, MapCheckConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images import cache, journal
from adhd_cvae.images.cache import open_images, prepare_images, write_within
from adhd_cvae.io import read_json
from adhd_cvae.training.sampler import paired_batches

GRID = ImageConfig(
    shape=(8, 8, 8),
    voxel_size=20.0,
    fwhm=0.0,
    centre=(0, 0, 0),
    min_template_correlation=None,
    max_offset=None,
    check=MapCheckConfig(largest_scale=None),
)
AFFINE = np.diag([10.0, 10, 10, 1]) + np.array([[0, 0, 0, -80]] * 3 + [[0, 0, 0, 0]])


@pytest.fixture
def maps(tmp_path):
    paths = [tmp_path / f"{number}.nii.gz" for number in range(7)]
    for number, path in enumerate(paths):
        values = np.random.default_rng(number).random((17, 17, 17)).astype(np.float32) + number
        nib.save(nib.Nifti1Image(values, AFFINE), path)
    paths[2].write_bytes(b"broken")
    return paths


def silent(done, total):
    assert done <= total


def test_good_maps_are_kept_in_order_and_the_broken_one_is_named(tmp_path, maps):
    errors = prepare_images(maps, GRID, tmp_path / "cache", silent)
    assert [error.reason if error else None for error in errors] == [None, None, "unreadable", *[None] * 4]
    images = open_images(tmp_path / "cache")
    assert images.shape == (6, 8, 8, 8)
    assert images.dtype == np.float16
    assert np.allclose(images[:, 4, 4, 4], [0.5, 1.5, 3.5, 4.5, 5.5, 6.5], atol=0.51)
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["images.npy", "manifest.json"]
    manifest = read_json(tmp_path / "cache" / "manifest.json")
    assert manifest["affine"][0] == [20.0, 0.0, 0.0, -70.0]
    assert len(manifest["maps"][0]["sha256"]) == 64


def test_maps_of_several_datasets_are_written_around_the_means_of_their_sites(tmp_path):
    images = np.random.default_rng(0).random((5, 2, 2, 2)).astype(np.float16)
    sites = np.array(["b", "a", "b", "a", "b"])
    write_within([(images, sites), (images[:2], np.zeros(2))], tmp_path / "within.npy")
    found = np.load(tmp_path / "within.npy")
    assert found.shape == (7, 2, 2, 2)
    own = images.astype(float)
    for rows in ([0, 2, 4], [1, 3]):
        assert found[rows] == pytest.approx(own[rows] - own[rows].mean(axis=0), abs=1e-3)
    assert found[5:] == pytest.approx(own[:2] - own[:2].mean(axis=0), abs=1e-3)


def test_one_brain_under_two_names_and_another_scale_are_left_out(tmp_path):
    checked = GRID.model_copy(update={"check": MapCheckConfig()})
    paths = [tmp_path / f"{number}.nii{'.gz' * (number % 2)}" for number in range(7)]
    flipped = AFFINE.copy()
    flipped[0] = -AFFINE[0, 0], 0, 0, AFFINE[0, 3] + 16 * AFFINE[0, 0]
    for number, path in enumerate(paths):
        values = np.random.default_rng(number % 5).random((17, 17, 17)).astype(np.float32)
        affine = AFFINE
        if number == 6:  # the brain of 1 in another storage order; 5 is that of 0 as it is
            values, affine = values[::-1], flipped
        nib.save(nib.Nifti1Image(values * (255 if number == 3 else 1), affine), path)
    errors = prepare_images(paths, checked, tmp_path / "cache", silent)
    reasons = [error.reason if error else None for error in errors]
    assert reasons == ["same_brain", "same_brain", None, "other_scale", None, "same_brain", "same_brain"]
    assert "1.nii.gz" in str(errors[6])
    assert len(open_images(tmp_path / "cache")) == 2


@pytest.mark.parametrize("note", ["CAT12.8 - conv({0},{0},{0})", "SPM - 3D normalized - conv({0}, {0}, {0})"])
def test_another_kernel_in_the_header_is_left_out(tmp_path, note):
    paths = [tmp_path / f"{number}.nii.gz" for number in range(5)]
    for number, path in enumerate(paths):
        values = np.random.default_rng(number).random((17, 17, 17)).astype(np.float32)
        image = nib.Nifti1Image(values, AFFINE)
        image.header["descrip"] = "" if number == 4 else note.format(12 if number == 2 else 6)
        nib.save(image, path)
    errors = prepare_images(paths, GRID, tmp_path / "cache", silent)
    assert [error.reason if error else None for error in errors] == [
        None,
        None,
        "other_smoothing",
        None,
        None,
    ]
    assert "12,12,12 mm" in str(errors[2])


def test_a_second_call_reads_nothing_and_a_changed_file_is_noticed(tmp_path, maps, monkeypatch):
    first = prepare_images(maps, GRID, tmp_path / "cache", silent)
    loads = []
    real = cache.load_map
    monkeypatch.setattr(cache, "load_map", lambda path, image: loads.append(path) or real(path, image))
    again = prepare_images(maps, GRID, tmp_path / "cache", silent)
    assert [str(error) for error in again] == [str(error) for error in first]
    assert loads == []
    maps[0].write_bytes(maps[1].read_bytes() + b" ")
    prepare_images(maps, GRID, tmp_path / "cache", silent)
    assert len(loads) == len(maps)


def test_an_interrupted_call_goes_on_and_ends_with_the_same_bytes(tmp_path, maps, monkeypatch):
    monkeypatch.setattr(journal, "CHUNK", 2)
    prepare_images(maps, GRID, tmp_path / "whole", silent)

    def stop(done, total):
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_images(maps, GRID, tmp_path / "cut", stop)
    assert not (tmp_path / "cut" / "images.npy").exists()
    loads = []
    real = cache.load_map
    monkeypatch.setattr(cache, "load_map", lambda path, image: loads.append(path) or real(path, image))
    prepare_images(maps, GRID, tmp_path / "cut", silent)
    assert len(loads) == 3
    assert (tmp_path / "cut" / "images.npy").read_bytes() == (tmp_path / "whole" / "images.npy").read_bytes()


def test_a_missing_or_cut_cache_is_one_line(tmp_path):
    with pytest.raises(InputError, match="prepare"):
        open_images(tmp_path)
    (tmp_path / "images.npy").write_bytes(b"\x93NUMPY\x01\x00")
    with pytest.raises(InputError, match="damaged"):
        open_images(tmp_path)


def test_batches_pair_groups_and_show_everybody_of_the_larger():
    target, background = np.arange(10), np.arange(100, 133)
    batches = list(paired_batches(target, background, 8, (0, 1)))
    assert [(len(a), len(b)) for a, b in batches] == [(8, 8)] * 5
    assert set(np.concatenate([b for _, b in batches])) == set(background)
    assert set(np.concatenate([a for a, _ in batches])) == set(target)
    again = list(paired_batches(target, background, 8, (0, 1)))
    assert all(
        np.array_equal(a, c) and np.array_equal(b, d) for (a, b), (c, d) in zip(batches, again, strict=True)
    )
    other = list(paired_batches(target, background, 8, (0, 2)))
    assert not all(np.array_equal(a, c) for (a, _), (c, _) in zip(batches, other, strict=True))


def test_each_batch_has_a_groups_sites_in_its_proportions():
    target, background = np.arange(40), np.arange(40, 120)
    sites = np.array(["a", "a", "a", "b"] * 10 + ["a", "b"] * 40)
    batches = list(paired_batches(target, background, 8, (0, 1), sites))
    counts = [((sites[a] == "a").sum(), (sites[b] == "a").sum()) for a, b in batches]
    assert all(5 <= patients <= 7 and 3 <= controls <= 5 for patients, controls in counts)
    assert set(np.concatenate([b for _, b in batches])) == set(background)
    first, second = (np.concatenate([a for a, _ in batches])[rows] for rows in (slice(40), slice(40, 80)))
    assert set(first) == set(second) == set(target)
    assert not np.array_equal(first, second)
    unaware = paired_batches(target, background, 8, (0, 1))
    assert any(abs((sites[b] == "a").sum() - 4) > 1 for _, b in unaware)


def test_a_group_smaller_than_the_batch_still_pairs():
    batches = list(paired_batches(np.arange(3), np.arange(10, 20), 16, (0,)))
    assert [(len(a), len(b)) for a, b in batches] == [(3, 3)] * 4


def test_a_journal_cut_in_the_middle_of_a_line_is_gone_on_with(tmp_path, maps, monkeypatch):
    monkeypatch.setattr(journal, "CHUNK", 2)

    def stop(done, total):
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_images(maps, GRID, tmp_path, stop)
    written = tmp_path / ".images.partial.jsonl"
    written.write_text(written.read_text()[:-20])
    errors = prepare_images(maps, GRID, tmp_path, silent)
    assert [bool(error) for error in errors] == [False, False, True, *[False] * 4]
    assert len(open_images(tmp_path)) == 6


def test_a_map_that_is_no_brain_is_refused_unless_the_check_is_off(tmp_path, maps):
    checked = GRID.model_copy(update={"min_template_correlation": 0.5})
    reasons = [error.reason for error in prepare_images(maps, checked, tmp_path, silent)]
    assert set(reasons) == {"not_in_template_space", "unreadable"}
