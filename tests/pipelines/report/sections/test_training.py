"""Losses by epoch, where a training was recorded."""

from pathlib import Path

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
