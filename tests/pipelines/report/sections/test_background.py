"""What was borrowed, in sentences."""

from pathlib import Path

import numpy as np
import pandas as pd

from adhd_cvae.io import read_json, write_json
from pipelines.output_dir.results import Results
from pipelines.report.sections.background import SECTION
from tests.pipelines.whole_tables import write_whole

SOURCES = [
    {"name": "pool", "checksum": "ab" * 32, "participants": 1500},
    {"name": "models:/adhd-cvae-background@champion", "checksum": "cd" * 32, "participants": 500},
]


def borrowed(folder: Path, taken: str = "borrowed", recovery: float = 0.4) -> Results:
    rows = [
        {"form": "with", "auc": 0.8, "ci_low": 0.7, "ci_high": 0.9, "recovery": recovery, "stability": 0.5},
        {"form": "without", "auc": 0.6, "ci_low": 0.5, "ci_high": 0.7, "recovery": recovery / 2},
    ]
    for fold, weight in enumerate((0.5, 0.8)):
        forms = {"start": (np.nan, np.nan), "own": (0.2, np.nan), "borrowed": (weight, 0.2)}
        rows += [
            {"fold": fold, "form": form, "taken": int(form == taken), "weight": how[0], "share": how[1]}
            for form, how in forms.items()
        ]
    write_whole(pd.DataFrame(rows), folder / "analysis/background.tsv")
    run = read_json(folder / "run.json")
    write_json({**run, "borrowed": SOURCES}, folder / "run.json")
    return Results(folder)


def text_of(results: Results) -> str:
    return "\n".join(SECTION.sentences(results) or [])


def test_sources_choice_and_gain_are_said(folder: Path) -> None:
    text = text_of(borrowed(folder))
    assert "(pool and models:/adhd-cvae-background@champion; 2000 participants in all)" in text
    assert "2 of 2 folds took it, with weight 0.5 to 0.8 and share 0.2:" in text
    assert "an AUC of 0.80 (0.70 to 0.90); without it, 0.60 (0.50 to 0.70)." in text
    assert "mean r of 0.40; without it, 0.20." in text
    assert "agrees" not in text


def test_not_taken_and_without_a_truth(folder: Path) -> None:
    text = text_of(borrowed(folder, taken="start", recovery=np.nan))
    assert "None of 2 folds took it" in text
    assert "Planted" not in text


def test_what_changed_is_a_table_and_each_fold_a_block_of_another(folder: Path) -> None:
    changes, forms = (make(borrowed(folder)) for make in SECTION.tables)
    assert changes is not None
    assert changes.size == 2
    assert "weight" not in changes.columns
    assert forms is not None
    assert list(forms.blocks) == ["fold 0", "fold 1"]
    assert forms.size == 6
    assert not {"AUC out of fold", "log likelihood"} & {*forms.columns}


def test_without_borrowing_there_is_no_section(folder: Path) -> None:
    assert SECTION.sentences(Results(folder)) is None
    assert [make(Results(folder)) for make in SECTION.tables] == [None, None]
