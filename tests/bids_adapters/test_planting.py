"""Maps times regions are prepared once, whatever grid the maps are on, and planting them is planting the long way."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import ImageConfig, MapCheckConfig, Region, SensitivityConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images import journal
from adhd_cvae.images.cache import prepare_images
from adhd_cvae.images.nifti import load_map, read_map
from adhd_cvae.simulation.planting import lost_fractions, simulated_severities
from bids_adapters.planting import Regions, open_planting, prepare_planting

GRID = ImageConfig(
    shape=(20, 20, 20),
    voxel_size=6,
    centre=(0, 0, 0),
    fwhm=10,
    min_template_correlation=None,
    max_offset=None,
    check=MapCheckConfig(largest_scale=None),
)
TWO = SensitivityConfig(
    severities={
        "left": Region(centres=((-24, 4, 0),)),
        "right": Region(centres=((24, 4, 0), (26, -10, 4)), radius=9),
    }
)
LAS = np.diag([-3.0, 3, 3, 1]) + np.array([[0, 0, 0, 58.5], [0, 0, 0, -58.5], [0, 0, 0, -58.5], [0, 0, 0, 0]])
TURNED = np.eye(4)
TURNED[:3, :3] = 3 * np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
TURNED[:3, 3] = TURNED[:3, :3] @ [-19.5, -19.5, -19.5]
SILENT = lambda done, total: None  # noqa: E731


def write_maps(folder, affine=LAS, largest=1.0, count=24):
    """Maps of 40³ voxels of 3 mm whose gray matter differs between participants by a tenth."""
    table = pd.DataFrame({"image": [f"{number}.nii.gz" for number in range(count)]})
    for number, name in enumerate(table["image"]):
        rng = np.random.default_rng(number)
        values = rng.random((40, 40, 40)) * largest * (0.7 + 0.1 * rng.random())
        values[:4] = 0
        nib.save(nib.Nifti1Image(values.astype(np.float32), affine), folder / name)
    return table


def prepared(folder, config=TWO, tick=SILENT, **maps):
    table = write_maps(folder, **maps)
    prepare_images([folder / name for name in table["image"]], GRID, folder / "cache", SILENT)
    return table, prepare_planting(table, folder, GRID, config, folder / "cache", tick)


def long_way(folder, name, fractions, config):
    """Multiply the native map and write it; its values before and after, and the prepared map."""
    values, affine = read_map(folder / name)
    factor = 1 - np.tensordot(fractions, Regions(config).on(values.shape, affine), 1)
    lost = (values * factor).astype(np.float32)
    nib.save(nib.Nifti1Image(lost, affine), folder / "planted.nii")
    return values, lost, load_map(folder / "planted.nii", GRID)


@pytest.mark.parametrize("affine", [LAS, TURNED], ids=["las", "oblique"])
@pytest.mark.parametrize("largest", [1.0, 4.0], ids=["probability", "modulated"])
def test_the_linear_combination_is_the_long_way(tmp_path, affine, largest):
    table, planting = prepared(tmp_path, affine=affine, largest=largest, count=6)
    fractions = np.array([[0.5, 0.2], [1.0, 1.0], [0.03, 0.0], [0.0, 0.0], [0.0, 0.7], [0.3, 0.3]])
    found = planting.planted(np.arange(6), fractions)
    changed = np.abs(found.astype(float) - planting.images).reshape(6, -1).max(axis=1)
    assert (changed[[0, 1, 4, 5]] > 0.05 * largest).all()
    for row, name in enumerate(table["image"]):
        values, lost, expected = long_way(tmp_path, name, fractions[row], TWO)
        scale = float(planting.images[row].max())
        assert np.abs(found[row].astype(float) - expected).max() < 1e-3 * scale
        assert ((lost >= 0) & (lost <= values)).all()
    assert found[3].tobytes() == planting.images[3].tobytes()
    assert (found >= 0).all()


@pytest.mark.parametrize("cohens_d", [0.2, 0.8, 1.4])
@pytest.mark.parametrize("subtypes", [False, True])
def test_the_loss_measured_in_planted_maps_is_the_one_asked_for_and_nothing_else_changes(
    tmp_path, cohens_d, subtypes
):
    table, planting = prepared(tmp_path, config=TWO)
    rows = np.arange(0, 24, 2)
    severities = simulated_severities(np.random.default_rng(1), 12, planting.names, subtypes=subtypes)
    fractions = lost_fractions(severities, planting.losses(cohens_d, severities, rows))
    weights = Regions(TWO).on((40, 40, 40), LAS)
    volumes = [(weights * read_map(tmp_path / name)[0]).sum(axis=(1, 2, 3)) for name in table["image"]]
    paired = []
    for row, lost in zip(rows, fractions, strict=True):
        before, after, _ = long_way(tmp_path, table["image"][row], lost, TWO)
        outside = (weights == 0).all(axis=0)
        assert (before[outside] == after[outside]).all()
        paired.append((weights * (before - after)).sum(axis=(1, 2, 3)))
    for column in range(2):
        has = severities[:, column] > 0
        measured = np.array(paired)[has, column].mean() / np.array(volumes)[:, column].std(ddof=1)
        assert measured == pytest.approx(cohens_d, rel=0.05)


def test_regions_that_overlap_lose_what_is_asked_for_in_planted_maps_too(tmp_path):
    near = SensitivityConfig(
        severities={
            "a": Region(centres=((-24, 4, 0),), radius=8),
            "b": Region(centres=((-12, 4, 0),), radius=8),
        }
    )
    table, planting = prepared(tmp_path, config=near)
    rows = np.arange(12)
    severities = simulated_severities(np.random.default_rng(1), 12, planting.names, subtypes=False)
    fractions = lost_fractions(severities, planting.losses(0.8, severities, rows))
    weights = Regions(near).on((40, 40, 40), LAS)
    maps = [long_way(tmp_path, table["image"][row], fractions[row], near)[:2] for row in rows]
    paired = [(weights * (before - after)).sum(axis=(1, 2, 3)) for before, after in maps]
    volumes = [(weights * read_map(tmp_path / name)[0]).sum(axis=(1, 2, 3)) for name in table["image"]]
    assert np.mean(paired, axis=0) / np.std(volumes, axis=0, ddof=1) == pytest.approx([0.8] * 2, rel=0.02)
    assert all(((after >= 0) & (after <= before)).all() for before, after in maps)


def test_a_segmentation_of_another_grid_is_lost_evenly_within_its_labels(tmp_path):
    labels = np.zeros((30, 30, 30), np.int16)
    labels[5:12, 12:18, 12:18] = 7
    labels[20:26, 12:18, 12:18] = 9
    affine = np.diag([4.0, 4, 4, 1])
    affine[:3, 3] = -58
    nib.save(nib.Nifti1Image(labels, affine), tmp_path / "dseg.nii.gz")
    config = SensitivityConfig(
        severities={"seven": Region(labels=(7,)), "nine": Region(labels=(9,))},
        dseg=str(tmp_path / "dseg.nii.gz"),
    )
    table, planting = prepared(tmp_path, config=config, count=3)
    weights = Regions(config).on((40, 40, 40), LAS)
    assert set(np.unique(weights)) == {0, 1}
    # World x of the labels 7: -40 to -12 mm; LAS voxels run the other way.
    assert np.flatnonzero(weights[0].any(axis=(1, 2))).tolist() == list(range(24, 33))
    _, _, expected = long_way(tmp_path, table["image"][0], np.array([0.4, 1.0]), config)
    found = planting.planted(np.array([0]), np.array([[0.4, 1.0]]))[0]
    assert np.abs(found.astype(float) - expected).max() < 1e-3
    with pytest.raises(InputError, match=r"labels \[3\] of a.*7, 9"):
        Regions(config.model_copy(update={"severities": {"a": Region(labels=(3,))}})).on((40, 40, 40), LAS)
    with pytest.raises(InputError, match=r"sensitivity\.dseg: no\.nii is not there"):
        Regions(config.model_copy(update={"dseg": str(tmp_path / "no.nii")}))


def test_an_interrupted_call_goes_on_and_a_second_does_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "CHUNK", 2)
    (tmp_path / "whole").mkdir()
    prepared(tmp_path / "whole", count=7)
    written = tmp_path / "whole" / "cache" / "within.npy"

    def stop(done, total):
        if done >= 4:
            raise KeyboardInterrupt

    (tmp_path / "cut").mkdir()
    with pytest.raises(KeyboardInterrupt):
        prepared(tmp_path / "cut", tick=stop, count=7)
    cut = tmp_path / "cut" / "cache"
    assert not (cut / "within.npy").exists()
    seen = []
    args = (tmp_path / "cut", GRID, TWO, cut)
    table = pd.DataFrame({"image": [f"{number}.nii.gz" for number in range(7)]})
    planting = prepare_planting(table, *args, lambda done, total: seen.append(done))
    assert seen[0] == 4
    assert (cut / "within.npy").read_bytes() == written.read_bytes()
    assert (planting.volumes.shape, planting.removed.shape) == ((7, 2), (7, 2, 2))
    seen.clear()
    again = prepare_planting(table, *args, lambda done, total: seen.append(done))
    assert seen == []
    assert (again.volumes == planting.volumes).all()
    assert sorted(path.name for path in cut.iterdir()) == [
        "images.npy",
        "manifest.json",
        "within.json",
        "within.npy",
    ]
    other = TWO.model_copy(update={"severities": {"left": Region(centres=((-24, 4, 0),))}})
    assert prepare_planting(table, tmp_path / "cut", GRID, other, cut, SILENT).names == ("left",)


def test_what_is_damaged_missing_or_outside_is_said(tmp_path):
    with pytest.raises(InputError, match="prepare"):
        open_planting(tmp_path / "cache")
    table, _ = prepared(tmp_path, count=3)
    far = TWO.model_copy(update={"severities": {"far": Region(centres=((400, 0, 0),))}})
    with pytest.raises(InputError, match="no map has gray matter in the region of far"):
        prepare_planting(table, tmp_path, GRID, far, tmp_path / "cache", SILENT)
    (tmp_path / "0.nii.gz").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"0\.nii\.gz cannot be read.*being changed"):
        prepare_planting(table, tmp_path, GRID, TWO, tmp_path / "cache", SILENT)
    written = tmp_path / "cache" / "within.npy"
    written.write_bytes(written.read_bytes()[:-2] + b"12")
    with pytest.raises(InputError, match="damaged"):
        open_planting(tmp_path / "cache")
    written.unlink()
    with pytest.raises(InputError, match="not in cache/"):
        open_planting(tmp_path / "cache")
