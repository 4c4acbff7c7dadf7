"""Losses by epoch, where a training was recorded."""

from pathlib import Path

import pytest

from adhd_cvae.io import read_tsv
from pipelines.output_dir.results import Results
from pipelines.report.sections import training
from tests.pipelines.whole_tables import write_whole


def test_terms_are_those_of_the_contrastive_model(folder: Path) -> None:
    history = read_tsv(folder / "checkpoints/history.tsv")
    write_whole(history[history["model"] == "vae"], folder / "checkpoints/history.tsv")
    losses, terms = (picture.plot(Results(folder)) for picture in training.SECTION.pictures)
    assert losses is not None
    assert [axes.get_title("left") for axes in losses.axes] == ["Plain VAE"]
    assert terms is None


def test_no_training_no_picture(tmp_path: Path) -> None:
    assert [picture.plot(Results(tmp_path)) for picture in training.SECTION.pictures] == [None, None]


def test_the_table_marks_the_step_that_is_kept_and_gives_spreads(folder: Path) -> None:
    (table,) = (make(Results(folder)) for make in training.SECTION.tables)
    assert table is not None
    assert table.columns[2:] == ("gain, nats a participant", "gain, share of variance explained")
    assert table.blocks["Contrastive VAE"] == [
        ["linear start", "0", "300.0 ± 9.0", "0.500 ± 0.002"],
        ["linear maps trained (kept)", "4", "5.5 ± 1.5", "0.012 ± 0.002"],
        ["network (nonlinear correction)", "0", "−2.0 ± 1.0", "−0.004 ± 0.002"],
    ]


@pytest.mark.parametrize(
    ("kept", "splits", "said"),
    [
        ("linear", 3, "the network adds nothing here: the linear solution is kept (3 validation splits)"),
        ("trained", 3, "the network adds nothing here: the linear maps are kept"),
        ("deep", 3, "the network earned its place: it gained −2.0 ± 1.0 nats a participant"),
        ("linear", 0, "nobody was held out to measure what the network adds"),
    ],
)
def test_a_sentence_says_whether_the_network_earned_its_place(folder: Path, kept, splits, said) -> None:
    table = read_tsv(folder / "checkpoints/earned.tsv")
    table = table.assign(kept=table["step"] == kept, splits=splits)
    write_whole(table, folder / "checkpoints/earned.tsv")
    (sentence,) = training.earned_sentences(Results(folder))
    assert sentence.startswith("Contrastive VAE: ")
    assert said in sentence


def test_without_the_table_nothing_is_said(tmp_path: Path) -> None:
    assert training.earned_sentences(Results(tmp_path)) == []
    assert [make(Results(tmp_path)) for make in training.SECTION.tables] == [None]
