"""`init`, then the recipe as it is: for each layout of the manual, without an edit."""

from pathlib import Path

import pytest
from nibabel.nifti1 import Nifti1Image

from adhd_cvae.io import file_checksum, read_tsv
from tests.whole import test_layouts
from tests.whole.test_layouts import BIDS, LAYOUTS, PEOPLE, call

brains = test_layouts.brains


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_recipe_of_init_prepares_each_layout(
    layout: str, brains: list[Nifti1Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def maps(name: str) -> None:
        for row, brain in enumerate(brains):
            path = Path(name.format(10001 + row, BIDS.format(10001 + row)))
            path.parent.mkdir(parents=True, exist_ok=True)
            brain.to_filename(path)

    make, first = LAYOUTS[layout]
    folder, *_ = make(maps)
    filtered = ["--bids-filter-file", "filter.json"] if Path("filter.json").exists() else []
    before = {path: file_checksum(path) for path in Path().rglob("*") if path.is_file()}
    call("init", folder, "own.yaml", *filtered)
    text = Path("own.yaml").read_text(encoding="utf-8")
    assert "CHOOSE" not in text
    assert not [row for row in range(PEOPLE) if f"{10001 + row}" in text]
    after = {path: file_checksum(path) for path in Path().rglob("*") if path.is_file()}
    assert {path: after[path] for path in after if path.name != "own.yaml"} == before
    call("prepare", folder, "OUT", "--recipe", "own.yaml", *filtered)
    cohort = read_tsv(tmp_path / "OUT" / "cohort.tsv")
    assert cohort["group"].tolist() == ["background", "target"] * (PEOPLE // 2)
    assert Path(cohort["image"].iloc[0]).name == first
