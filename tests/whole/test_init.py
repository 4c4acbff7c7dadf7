"""`init`, then the recipe as it is: for each layout of the manual, without an edit."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from nibabel.nifti1 import Nifti1Image

from adhd_cvae.io import file_checksum, read_tsv
from tests.whole import test_layouts
from tests.whole.test_layouts import BIDS, LAYOUTS, PEOPLE, call

brains = test_layouts.brains


QUICK = [
    *(
        "image.shape=[16, 16, 16]",
        "image.voxel_size=12",
        "model.hidden=8",
        "model.salient=2",
        "model.background=4",
    ),
    *("training.epochs=1", "training.linear_epochs=1", "training.fold_models=linear", "training.vae=false"),
    *("analysis.permutations=19", "analysis.refits=5", "analysis.bootstraps=5", "analysis.draws=2"),
    *("analysis.max_components=2", "analysis.mixture_bootstraps=5", "image.min_template_correlation=null"),
]
"""Settings with which numbers mean nothing and a run takes a minute."""


@pytest.fixture
def made(brains: list[Nifti1Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Make a layout's dataset in an empty folder, and give its name."""
    monkeypatch.chdir(tmp_path)

    def maps(name: str) -> None:
        for row, brain in enumerate(brains):
            path = Path(name.format(10001 + row, BIDS.format(10001 + row)))
            path.parent.mkdir(parents=True, exist_ok=True)
            brain.to_filename(path)

    return lambda layout: LAYOUTS[layout][0](maps)[0]


def named_in(text: str) -> list[int]:
    """Participants whose label stands there, but for digits of a longer number."""
    labels = [10001 + row for row in range(PEOPLE)]
    return [one for one in labels if re.search(rf"(?<![\d.]){one}(?![\d.])", text)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_recipe_of_init_prepares_each_layout(layout: str, made: Callable[[str], str]) -> None:
    folder = made(layout)
    filtered = ["--bids-filter-file", "filter.json"] if Path("filter.json").exists() else []
    before = {path: file_checksum(path) for path in Path().rglob("*") if path.is_file()}
    call("init", folder, "own.yaml", *filtered)
    text = Path("own.yaml").read_text(encoding="utf-8")
    assert "CHOOSE" not in text
    assert not named_in(text)
    after = {path: file_checksum(path) for path in Path().rglob("*") if path.is_file()}
    assert {path: after[path] for path in after if path.name != "own.yaml"} == before
    call("prepare", folder, "OUT", "--recipe", "own.yaml", *filtered)
    cohort = read_tsv(Path("OUT/cohort.tsv"))
    assert cohort["group"].tolist() == ["background", "target"] * (PEOPLE // 2)
    assert Path(cohort["image"].iloc[0]).name == LAYOUTS[layout][1]


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["CAT12", "fMRIPrep, sMRIPrep"])
def test_init_then_run(layout: str, made: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(layout)
    call("init", folder, "own.yaml")
    call(
        folder,
        "OUT",
        "group",
        "--recipe",
        "own.yaml",
        "--no-live",
        *(part for one in QUICK for part in ("--set", one)),
    )
    shown = capsys.readouterr().out
    assert "Report           OUT/report.html" in shown
    assert "Look at it       adhd-cvae ui OUT, then http:" in shown
    assert "Registered model models:/adhd-cvae/1" in shown
    for name in ("report.html", "logs/CITATION.md", "logs/CITATION.bib", "logs/adhd-cvae.log"):
        text = Path("OUT", name).read_text(encoding="utf-8")
        assert not named_in(text)
    assert Path("OUT/logs/adhd-cvae.log").read_text(encoding="utf-8").endswith(" done\n")
