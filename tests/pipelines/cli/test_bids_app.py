"""Calls as other BIDS Apps take them."""

import os

import pytest

from pipelines.cli import main
from pipelines.cli.bids_app import MachineOptions, in_our_words, spread_labels

VERBS = ("run", "prepare", "demo")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("bids out group", "run bids out group"),
        ("bids out --nprocs 2 participant --model M", "run bids out --nprocs 2 participant --model M"),
        ("--mem 8 bids out group", "run --mem 8 bids out group"),
        ("run bids out group", "run bids out group"),
        ("prepare bids out", "prepare bids out"),
        ("bids out", "bids out"),
        ("rn bids out group", "rn bids out group"),
        ("bids out group --version", "--version"),
        ("run --version", "--version"),
        (
            "bids out participant --participant_label 01 sub-02 -w work",
            "run bids out participant --participant-label 01 --participant-label sub-02 -w work",
        ),
        (
            "bids out group --participant_label=01 02 --bids_filter_file=a_b.json",
            "run bids out group --participant-label=01 --participant-label 02 --bids-filter-file=a_b.json",
        ),
        ("prepare bids out --set cohort.fold_groups=x_y", "prepare bids out --set cohort.fold_groups=x_y"),
        ("background out --merge a b", "background out --merge a --merge b"),
    ],
)
def test_a_call_of_a_bids_app_is_one_of_ours(given, meant):
    assert in_our_words(given.split(), VERBS) == meant.split()


def test_a_dataset_without_a_level_is_asked_for_one(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main.main([str(tmp_path), "out"])
    assert ended.value.code == 2
    assert "Missing argument 'participant,group'" in capsys.readouterr().err


def test_several_labels_end_with_the_next_option():
    given = ["run", "--participant-label", "01", "02", "--set", "seed=1"]
    assert spread_labels(given) == [
        *("run", "--participant-label", "01", "--participant-label", "02", "--set", "seed=1")
    ]


def test_what_has_no_effect_says_so_in_a_line_each(capsys, tmp_path):
    options = MachineOptions(mem="8", work_dir=tmp_path, skip_bids_validation=True)
    with options.heeded():
        pass
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" has no effect")[0] for line in lines] == [
        f"adhd-cvae: {option}" for option in ("--mem", "--work-dir", "--skip-bids-validation")
    ]
    with MachineOptions().heeded():
        pass
    assert capsys.readouterr().err == ""


def test_limits_hold_while_the_verb_runs_and_are_put_back(monkeypatch):
    from joblib import cpu_count

    monkeypatch.delenv("LOKY_MAX_CPU_COUNT", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with MachineOptions(nprocs=1, omp_nthreads=3).heeded():
        assert cpu_count() == 1
        assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "LOKY_MAX_CPU_COUNT" not in os.environ
    assert os.environ["OMP_NUM_THREADS"] == "7"


@pytest.mark.parametrize(
    "given", [("--version",), ("run", "--version"), ("bids", "out", "group", "--version")]
)
def test_the_version_is_shown_wherever_it_is_asked_for(capsys, given):
    with pytest.raises(SystemExit) as ended:
        main.main(list(given))
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip()


def test_a_call_without_a_verb_reaches_run(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main.main([str(tmp_path / "absent"), str(tmp_path / "out"), "group", "--mem", "8"])
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert "--mem has no effect" in shown
    assert "there is no folder" in shown
