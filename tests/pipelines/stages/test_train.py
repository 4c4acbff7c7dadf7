"""Training as a stage: shown in words, and the same bits whether interrupted or not."""

import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import product

import numpy as np
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.images.cache import write_within
from adhd_cvae.io import file_checksum, read_json, read_tsv, write_json, write_tsv
from adhd_cvae.models.reference_background import fit_reference
from adhd_cvae.models.reference_file import save_reference
from pipelines.output_dir.ownership import owned
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
    for file in (demo.paths.cohort, demo.paths.folds, demo.paths.description):
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

    def epochs(self, folds: int = 0) -> train.EpochLines:
        return train.EpochLines(
            self, lambda *tick: self.ticks.append(tick), self.followed.append, ("cvae", "vae"), folds
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


def test_which_form_was_taken_is_a_line_of_everybody_and_of_each_fold():
    shown = Epochs()
    show = shown.epochs(folds=5)
    forms = {"held_out": False, "forms": "form taken: own"}
    show({**ROW, **forms})
    show({**ROW, **forms, "refit": True}, 2)
    show({**ROW, **forms, "split": 1, "splits": 2})
    told = [line for line in shown.lines if "form taken" in line]
    assert told == [
        "  contrastive model, form taken: own",
        "  fold 2 of 5, contrastive model, form taken: own",
    ]


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


def test_the_bar_counts_every_fold_and_folds_say_what_goes_wrong_alone():
    shown = Epochs()
    show = shown.epochs(folds=5)
    for fold, model in product(range(6), ("cvae", "vae")):
        wrong = {str(fold): "it leapt"} if model == "vae" else {}
        show({**ROW, "held_out": False, "model": model, "epoch": 12, "warnings": wrong}, fold)
    assert [(done, total) for done, total, _ in shown.ticks] == [(12 * one, 144) for one in range(1, 13)]
    assert shown.ticks[0][2] == "contrastive model, trained, 31% unexplained"
    assert shown.ticks[5][2] == "fold 2 of 5, plain model, trained, 31% unexplained"
    assert len(shown.lines) == len(shown.followed) == 2
    assert shown.warnings[:2] == ["epoch 12: it leapt", "fold 1 of 5, epoch 12: it leapt"]
    assert len(shown.warnings) == 6


SAME = load_recipe("smoke", ("training.fold_models=same", "training.vae=false", "cohort.folds=2"))


def weights_of(paths):
    """Bytes of every model, by its name below checkpoints/."""
    files = sorted(paths.checkpoints.rglob("*.safetensors"))
    return {file.relative_to(paths.checkpoints).as_posix(): file.read_bytes() for file in files}


@pytest.fixture
def prepared_small(invent_maps, tmp_path):
    """Invented maps of 24 participants, dealt into two folds."""

    def prepare(name):
        paths = OutputPaths(tmp_path / name)
        invent_maps(paths, 24)
        return paths

    return prepare


def trained(paths, shown=None):
    with owned(paths.folder):
        train.run(Run(paths, SAME, shown or Silent()))
    return weights_of(paths)


MODELS = ["cvae.safetensors", "fold-0/cvae.safetensors", "fold-1/cvae.safetensors"]


def test_each_fold_has_a_model_that_has_not_met_who_is_held_out(prepared_small):
    first, flipped = prepared_small("first"), prepared_small("flipped")
    before = trained(first)
    assert list(before) == MODELS
    assert len({*before.values()}) == 3
    assert read_json(first.provenance)["stages"]["train"]["outputs"].keys() >= {
        f"checkpoints/{name}" for name in MODELS
    }
    folds = read_tsv(flipped.folds)
    held_out = folds.index[folds["fold"] == 1][0]
    cohort = read_tsv(flipped.cohort)
    other = {"target": "background", "background": "target"}
    cohort.loc[held_out, "group"] = other[cohort.loc[held_out, "group"]]
    write_tsv(cohort, flipped.cohort)
    after = trained(flipped)
    assert [name for name in MODELS if after[name] == before[name]] == ["fold-1/cvae.safetensors"]


def test_killed_between_and_in_folds_it_goes_on_to_the_same_bits(prepared_small):
    undisturbed, killed = trained(prepared_small("undisturbed")), prepared_small("killed")

    class Killed(Shown):
        """Interrupts where the bar's note first says so."""

        def __init__(self, note):
            super().__init__()
            self.note = note

        @contextmanager
        def bar(self, title):
            def tick(done, total, note):
                if note.startswith(self.note):
                    raise KeyboardInterrupt

            yield tick

    finished = []
    for note in ("fold 1 of 2, contrastive model, trained", "fold 2 of 2, contrastive model, deep"):
        with pytest.raises(KeyboardInterrupt):
            trained(killed, Killed(note))
        finished.append({name: (killed.checkpoints / name).stat().st_mtime_ns for name in weights_of(killed)})
    assert [list(done) for done in finished] == [MODELS[:1], MODELS[:2]]
    assert trained(killed) == undisturbed
    now = {name: (killed.checkpoints / name).stat().st_mtime_ns for name in MODELS}
    assert finished[0].items() <= finished[1].items() <= now.items()
    shown = Shown()
    trained(killed, shown)
    assert shown.lines == ["train: already done"]


def test_other_folds_are_not_silently_taken(prepared_small):
    paths = prepared_small("folds")
    before = trained(paths)
    folds = read_tsv(paths.folds)
    write_tsv(folds.assign(fold=1 - folds["fold"]), paths.folds)
    with pytest.raises(InputError, match="train was done with another folds"):
        trained(paths)
    assert weights_of(paths) == before
    write_tsv(folds.iloc[1:], paths.folds)
    with pytest.raises(InputError, match=r"folds\.tsv names sub-00 or cohort\.tsv does"):
        trained(paths)
    paths.folds.unlink()
    with pytest.raises(InputError, match=r"folds\.tsv is missing.*version 0\.1"):
        trained(paths)


def test_what_is_borrowed_is_an_input_and_where_it_is_from_no_setting(prepared_small):
    paths = prepared_small("borrows")
    cohort, values = read_tsv(paths.cohort), np.load(paths.images).reshape(24, -1)

    def stage_of(*sources):
        asked = SAME.cohort.model_copy(update={"background_from": sources})
        run = Run(paths, SAME.model_copy(update={"cohort": asked}), Silent())
        return train._stage(run, cohort, None)

    own, found = stage_of(), []
    assert "borrowed background" not in own.inputs
    for lent in (values, values, values[:12]):
        with owned(paths.folder):
            save_reference(fit_reference(lent), paths.borrowed, {})
        found += [stage_of("pool"), stage_of("/elsewhere/pool")]
    assert found[0] == found[1] == found[2] == found[3]
    assert found[0].settings == own.settings
    assert found[0].inputs != found[4].inputs
    assert "lent maps" not in found[4].inputs
    with owned(paths.folder):
        save_reference(fit_reference(values), paths.borrowed, {"borrowed": [{"lent": 24}]})
        write_within([(np.load(paths.images), np.zeros(24))], paths.lent)
    assert stage_of("pool").inputs == found[0].inputs | {"lent maps": file_checksum(paths.lent)}


def test_a_model_is_not_silently_replaced_when_the_cohort_changed(demo, tmp_path):
    paths = OutputPaths(tmp_path / "copy")
    shutil.copytree(demo.paths.folder, paths.folder)
    cohort = read_tsv(paths.cohort)
    cohort["group"] = cohort["group"].map({"target": "background", "background": "target"})
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
