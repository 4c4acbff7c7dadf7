"""Training as a stage: shown in words, and the same bits whether interrupted or not."""

import shutil
import signal
import subprocess
import sys
import time

import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import file_checksum, read_json, read_tsv, write_json, write_tsv
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.stages import train
from tests.shown import Shown

SETTINGS = ("training.epochs=6", "training.patience=6", "training.vae=false")


@pytest.fixture
def prepared(demo, tmp_path):
    """A copy of the demo's results as they were before training."""
    paths = OutputPaths(tmp_path / "prepared")
    paths.folder.mkdir()
    shutil.copytree(demo.paths.cache, paths.cache)
    for file in (demo.paths.cohort, demo.paths.description):
        shutil.copy(file, paths.folder)
    return paths


ROW = {
    "model": "cvae",
    "split": 0,
    "splits": 1,
    "held_out": True,
    "step": "trained",
    "epoch": 0,
    "epochs": 12,
    "validation_reconstruction": 0.31,
    "reconstruction": 0.25,
    "kl_salient": 4.04,
    "salient_of_background": 0.1,
    "kl_background": 8.0,
    "critic_accuracy": float("nan"),
}


class Epochs(Shown):
    """Keeps bars and followed rows as well."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks, self.followed = [], []

    def epochs(self) -> train.EpochLines:
        return train.EpochLines(
            self, lambda *tick: self.ticks.append(tick), self.followed.append, ("cvae", "vae")
        )


def test_an_epoch_in_words():
    assert train.in_words(ROW) == (
        "31% of validation maps unexplained (25% of training maps); salient code 4.0 nats, 0.1 in controls, "
        "background code 8.0"
    )
    assert "critic right in 62%" in train.in_words({**ROW, "critic_accuracy": 0.62})


def test_lines_come_at_the_start_every_tenth_epoch_and_at_the_end_the_bar_every_time():
    shown = Epochs()
    show = shown.epochs()
    for epoch in range(13):
        show({**ROW, "epoch": epoch})
    assert [line.partition(":")[0] for line in shown.lines] == [
        "  contrastive model, at the start",
        "  contrastive model, trained, epoch 10 of 12",
        "  contrastive model, trained, epoch 12 of 12",
    ]
    assert [done for done, _, _ in shown.ticks] == list(range(13))
    assert len(shown.followed) == 13


@pytest.mark.parametrize("held_out", [True, False])
def test_the_bar_runs_once_from_model_to_model_through_splits_and_the_last_fit(held_out):
    shown = Epochs()
    show = shown.epochs()
    splits = 3 if held_out else 1
    for model in ("cvae", "vae"):
        known = {"model": model, "splits": splits, "epochs": 4}
        for split in range(splits):
            for epoch in range(4 if split == 1 else 5):  # patience ended one early
                show(ROW | known | {"split": split, "epoch": epoch, "held_out": held_out})
        for epoch in (1, 2) if held_out else ():
            show(known | {"epoch": epoch, "refit": True})
    rounds = 4 if held_out else 1
    done = [place for place, _, _ in shown.ticks]
    assert done == sorted(done)
    assert {total for _, total, _ in shown.ticks} == {2 * rounds * 4}
    assert done[-1] == (2 * 4 - 1) * 4 + 2 if held_out else 2 * 4
    assert len(shown.followed) == 10
    noted = " ".join(note for _, _, note in shown.ticks)
    assert ("plain model, split 3 of 3, trained, 31%" in noted) == held_out
    assert ("once more with everyone" in noted) == held_out


def test_what_goes_wrong_is_shown_when_it_is_first_seen_of_each_model():
    shown = Epochs()
    show = shown.epochs()
    for model in ("cvae", "cvae", "vae"):
        show({**ROW, "model": model, "epoch": 3, "warnings": {"leap": "the loss leapt"}})
    assert shown.warnings == ["epoch 3: the loss leapt"] * 2


def test_the_last_fit_moves_the_bar_and_is_not_followed():
    shown = Epochs()
    shown.epochs()({"model": "vae", "epoch": 1, "epochs": 2, "splits": 1, "refit": True})
    assert shown.ticks == [(7, 8, "plain model, once more with everyone")]
    assert not shown.followed
    assert not shown.lines


def test_a_model_is_not_silently_replaced_when_the_cohort_changed(demo, tmp_path):
    paths = OutputPaths(tmp_path / "copy")
    shutil.copytree(demo.paths.folder, paths.folder)
    cohort = read_tsv(paths.cohort)
    cohort["split"] = cohort["split"].map({"train": "test", "test": "train"})
    write_tsv(cohort, paths.cohort)
    weights = file_checksum(paths.cvae.with_suffix(".safetensors"))
    with pytest.raises(InputError, match="train was done with another participants"):
        train.run(Run(paths, load_recipe("smoke"), Silent()))
    assert file_checksum(paths.cvae.with_suffix(".safetensors")) == weights


def test_a_copied_or_touched_dataset_does_not_ask_for_training_again(demo, tmp_path):
    paths = OutputPaths(tmp_path / "copy")
    shutil.copytree(demo.paths.folder, paths.folder)
    manifest = read_json(paths.manifest)
    for row in manifest["maps"]:
        row["mtime_ns"] += 1
    write_json(manifest, paths.manifest)
    before = paths.history.stat().st_mtime_ns
    train.run(Run(paths, load_recipe("smoke"), Silent()))
    assert paths.history.stat().st_mtime_ns == before


@pytest.mark.slow
def test_killed_and_called_again_it_ends_with_the_same_bits(prepared, tmp_path):
    undisturbed = OutputPaths(tmp_path / "undisturbed")
    shutil.copytree(prepared.folder, undisturbed.folder)
    options = [
        "--recipe",
        "smoke",
        "--no-live",
        *(part for setting in SETTINGS for part in ("--set", setting)),
    ]

    def command(paths):
        return [sys.executable, "-m", "adhd_cvae", "train", str(paths.folder), *options]

    killed = subprocess.Popen(command(prepared))
    resumable = prepared.checkpoints / "cvae-resume.pt"
    for _ in range(1200):
        if resumable.is_file():
            break
        time.sleep(0.05)
    time.sleep(0.5)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not prepared.cvae.with_suffix(".safetensors").is_file()

    subprocess.run(command(prepared), check=True)
    subprocess.run(command(undisturbed), check=True)
    weights = [paths.cvae.with_suffix(".safetensors") for paths in (prepared, undisturbed)]
    assert file_checksum(weights[0]) == file_checksum(weights[1])
    losses = [
        read_tsv(paths.history).drop(columns=["seconds", "time_ms"]) for paths in (prepared, undisturbed)
    ]
    assert losses[0].equals(losses[1])
