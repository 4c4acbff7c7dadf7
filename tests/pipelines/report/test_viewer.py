"""The brain viewer holds the maps it was given, where they were, and opens in a browser."""

import base64
import gzip
import json
import shutil
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nibabel.nifti1 import Nifti1Image

from pipelines.output_dir.results import Results
from pipelines.report.page import write_report
from pipelines.report.viewer import STEPS, brain_viewer
from tests.pipelines.whole_tables import write_whole

SHAPE = (32, 36, 32)
AFFINE = np.array([[6.0, 0, 0, -93], [0, 6, 0, -122], [0, 0, 6, -87], [0, 0, 0, 1]])
PEAK = (20, 24, 15)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def write_maps(folder: Path, affine: np.ndarray = AFFINE, turned: bool = False) -> None:
    values = np.zeros(SHAPE, np.float32)
    values[PEAK] = -0.25
    values[18, 20, 15] = 0.125
    image = nib.Nifti1Image(values, affine)
    if turned:  # stored right to left, as SPM does
        image = nib.Nifti1Image(
            values[::-1], affine @ [[-1, 0, 0, 31], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        )
    folder.mkdir(parents=True)
    image.to_filename(folder / "space-MNI_desc-salientEffectMean_map.nii.gz")
    image.to_filename(folder / "space-MNI_desc-salientUnit00_map.nii.gz")


def unpacked(text: str, kind: type, shape: list[int]) -> np.ndarray:
    return np.frombuffer(gzip.decompress(base64.b64decode(text)), kind).reshape(shape)


@pytest.mark.parametrize("turned", [False, True])
def test_every_voxel_is_where_it_was(tmp_path: Path, turned: bool) -> None:
    write_maps(tmp_path / "maps", turned=turned)
    text = brain_viewer(Results(tmp_path))
    assert text is not None
    assert text == brain_viewer(Results(tmp_path))
    content = json.loads(text)
    first = content["maps"][0]
    values = unpacked(first["values"], np.int8, content["shape"])
    assert first["limit"] == 0.25
    assert sorted(values[values != 0].tolist()) == [-STEPS, 64]
    start = np.array(first["start"])
    assert values[tuple(start)] == -STEPS
    world = np.array(content["origin"]) + start * content["step"]
    np.testing.assert_allclose(world, nib.affines.apply_affine(AFFINE, PEAK))
    anatomy = unpacked(content["anatomy"], np.uint8, content["shape"])
    assert anatomy.max() == 255
    assert 0.1 < (anatomy > 0).mean() < 0.7
    assert [one["name"] for one in content["maps"]] == [
        "the model's own difference (no test)",
        "salient unit s_00",
    ]


def test_maps_of_nothing_but_zeros_are_not_shown(tmp_path: Path) -> None:
    assert brain_viewer(Results(tmp_path)) is None
    (tmp_path / "maps").mkdir()
    empty = Nifti1Image(np.zeros(SHAPE, np.float32), AFFINE)
    empty.to_filename(tmp_path / "maps" / "space-MNI_desc-salientEffectMean_map.nii.gz")
    assert brain_viewer(Results(tmp_path)) is None


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_maps(folder / "maps")
    groups = ["target", "background"] * 4
    people = [f"sub-{number}" for number in range(8)]
    cohort = pd.DataFrame({"participant_id": people, "image": "a.nii", "group": groups, "split": "train"})
    write_whole(cohort, folder / "cohort.tsv")
    write_whole(
        pd.DataFrame(
            {"cluster": ["1"], "x_mm": 1.0, "y_mm": 1.0, "z_mm": 1.0, "peak": 1.0, "volume_mm3": 1.0}
        ),
        folder / "analysis" / "peaks.tsv",
    )
    return write_report(Results(folder))


def in_browser(page: Path, profile: Path, *flags: str) -> str:
    """The page as it stands after its script ran."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium, which is not installed here")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    command += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}"]
    command += [*flags, "--virtual-time-budget=8000", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_the_viewer_opens_from_disk(report: Path, tmp_path: Path) -> None:
    page = in_browser(report, tmp_path)
    assert page.count("<canvas") == 3
    assert 'hidden=""></div>' not in page
    assert "At 27, 22, 3 mm: −0.25" in page
    assert "sagittal slice at x = 27 mm: the model's own difference (no test)" in page


def test_without_its_script_the_viewer_stays_hidden(report: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.html"
    changed.write_text(
        report.read_text(encoding="utf-8").replace('"use strict";', '"use strict"; '), encoding="utf-8"
    )
    page = in_browser(changed, tmp_path / "profile")
    assert "<canvas" not in page
    assert 'hidden=""' in page


def test_a_phone_scrolls_the_page_one_way(report: Path, tmp_path: Path) -> None:
    wrap = tmp_path / "phone.html"
    wrap.write_text(
        f'<iframe src="{report.as_uri()}" style="width:390px;height:800px" onload="document.title = '
        'this.contentDocument.documentElement.scrollWidth"></iframe>'
    )
    page = in_browser(wrap, tmp_path / "profile", "--allow-file-access-from-files")
    assert "<title>390</title>" in page or "<title>375</title>" in page
