"""What a cohort could have shown, from its folder to the page: what is written, what never, the same bytes each way."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from adhd_cvae.analysis import refits
from adhd_cvae.io import file_checksum, read_json, read_tsv, write_tsv
from adhd_cvae.models.form_choice import BORROWED
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.cli.main import main as command_line
from pipelines.mlflow_tracking.runs import PARENT_TAG
from pipelines.mlflow_tracking.store import find_store
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.sensitivity.cells import cells_of
from pipelines.sensitivity.preparation import prepare
from pipelines.sensitivity.summary import tables
from pipelines.stages import publish, simulate
from pipelines.workflows import background, sensitivity
from tests.shown import Shown

GRID = (
    *("image.shape=[16, 16, 16]", "image.voxel_size=12"),
    *("image.min_template_correlation=null", "image.max_offset=null"),
)
SETTINGS = (
    *GRID,
    *("cohort.folds=2", "model.background=3", "model.linear.choice_repeats=1", "model.linear.choice_folds=2"),
    *("sensitivity.cohorts=5", "sensitivity.null_cohorts=20", "sensitivity.permutations=19"),
    *("sensitivity.cohens_d=[0.5, 1.2]", "sensitivity.fractions=[1.0]", "sensitivity.fewest_controls=12"),
)
OWN, LENT = 24, 40
TABLES = ("power.tsv", "smallest.tsv", "false_positives.tsv")
KILLED_AFTER = 5
"""Cohorts."""


def checksums(folder: Path) -> dict[str, str]:
    """Every file below a folder."""
    files = [one for one in sorted(folder.rglob("*")) if one.is_file()]
    return {one.relative_to(folder).as_posix(): file_checksum(one) for one in files}


def tabled(folder: Path) -> dict[str, str]:
    """Tables and finished cohorts of an OUTPUT_DIR; their folder's name is a key of the dataset's place."""
    found = [folder / "sensitivity" / name for name in (*TABLES, "sensitivity.json")]
    found += (folder / "sensitivity" / "cells").rglob("*.tsv")
    return {one.name: file_checksum(one) for one in found}


def ask(run: Run, bids_dir: Path, *, quick: bool = False) -> str:
    with owned(run.paths.folder, dataset=bids_dir, overwrite=run.overwrite):
        return sensitivity.run(run, BidsInput(bids_dir), quick=quick, jobs=1)


def ended(*arguments: object) -> int:
    """Call the command line here; return its exit status."""
    with pytest.raises(SystemExit) as status:
        command_line([str(one) for one in arguments])
    return int(status.value.code or 0)


def with_settings(*settings: str) -> list[str]:
    return ["--recipe", "smoke", *(word for one in settings for word in ("--set", one))]


@dataclass
class Lab:
    """A dataset, and its results after every stage, `sensitivity --quick` and `sensitivity`."""

    folder: Path
    dataset: dict[str, str]
    run: Run
    results: dict[str, str]
    record: dict
    page: str
    quick: dict[str, str]
    words: str

    @property
    def bids(self) -> Path:
        return self.folder / "bids"

    def output(self, name: str) -> Path:
        """An OUTPUT_DIR as far from the dataset as the others."""
        return self.folder / name / "out"


@pytest.fixture(scope="module", autouse=True)
def _own_store():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(scope="module")
def lab(demo, tmp_path_factory):
    """The demo's results, published in a store of their own; sensitivity is asked with settings of its own."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(demo.bids_dir, folder / "bids")
    run = Run(OutputPaths(folder / "derivatives" / "adhd-cvae"), load_recipe("smoke", SETTINGS), Silent())
    paths, dataset = run.paths, checksums(folder / "bids")
    # The fixture's folder has no inventory, as of a version that wrote no logs.
    shutil.copytree(demo.paths.folder, paths.folder, ignore=shutil.ignore_patterns("logs"))
    with owned(paths.folder):
        publish.run(replace(run, recipe=load_recipe("smoke")))
    results, record = checksums(paths.folder), read_json(paths.provenance)
    page = paths.report.read_text(encoding="utf-8")
    ask(run, folder / "bids", quick=True)
    quick = tabled(paths.folder)
    words = ask(run, folder / "bids")
    return Lab(folder, dataset, run, results, record, page, quick, words)


@pytest.mark.slow
def test_tables_figures_and_words_answer(lab):
    paths, cells = lab.run.paths, len(cells_of(lab.run.recipe.sensitivity, borrows=False))
    facts, power = read_json(paths.sensitivity_facts), read_tsv(paths.power)
    assert (facts["n"], facts["controls"], facts["quick"]) == (OWN, OWN // 2, False)
    assert any("few" in note for note in facts["notes"])
    assert set(power["cohens_d"]) == {0.5, 1.2}
    assert set(power.loc[power["extrapolated"] == 0, "n"]) == {facts["cohort_n"]}
    assert set(power.loc[power["extrapolated"] == 1, "n"]) == {OWN}
    assert set(read_tsv(paths.false_positives)["cohorts"]) == {20}
    assert len(read_tsv(paths.smallest)) > 0
    assert len(list(paths.sensitivity.glob("cells/*/*.tsv"))) == cells
    assert {one.stem for one in paths.sensitivity_figures.glob("*.svg")} == {"power", "false_positives"}
    for part in ("would have been found in", "Within this sample".lower(), "Tables", "MLflow run"):
        assert part in lab.words


@pytest.mark.slow
def test_the_page_quotes_it_and_everything_else_stays_as_it_was(lab):
    paths, now = lab.run.paths, checksums(lab.run.paths.folder)
    changed = {name for name, known in lab.results.items() if now.get(name) != known}
    assert changed == {"run.json", "report.html", ".adhd-cvae.jsonl"}
    assert {name.split("/")[0] for name in now.keys() - lab.results.keys()} == {"sensitivity"}
    record = read_json(paths.provenance)
    assert record["stages"].pop("sensitivity")["state"] == "done"
    assert record == lab.record
    page = paths.report.read_text(encoding="utf-8")
    assert "was not asked" in lab.page
    assert "was not asked" not in page
    assert page.count("would have been found in") >= 2


@pytest.mark.slow
def test_its_mlflow_run_is_a_child_of_the_cohorts_and_calling_again_adds_none(lab):
    paths = lab.run.paths
    parent = read_json(paths.provenance)["published"]["run_id"]

    def children() -> list:
        client = find_store(paths.folder).client()
        ours = [one.experiment_id for one in client.search_experiments()]
        found = client.search_runs(ours, f"tags.`{PARENT_TAG}` = '{parent}'")
        return [one for one in found if "fold" not in one.data.tags]

    before, known = children(), tabled(paths.folder)
    assert len(before) == 2  # the first answer, and the whole one
    assert all(one.info.status == "FINISHED" for one in before)
    shown = Shown()
    again = Run(paths, lab.run.recipe, shown)
    assert ask(again, lab.bids) == lab.words
    assert any("sensitivity: already done" in line for line in shown.lines)
    assert tabled(paths.folder) == known
    assert len(children()) == len(before)


@pytest.mark.slow
def test_a_first_answers_cohorts_are_used_again(lab):
    cells = {name: known for name, known in lab.quick.items() if name.startswith("d-")}
    assert len(cells) == 25
    now = tabled(lab.run.paths.folder)
    assert cells.items() <= now.items()
    assert lab.quick["power.tsv"] != now["power.tsv"]
    assert lab.quick["false_positives.tsv"] == now["false_positives.tsv"]


@pytest.mark.slow
def test_killed_among_the_cohorts_of_two_processes_it_ends_with_the_same_bytes_of_one(lab):
    out = lab.output("killed")
    call = [sys.executable, "-m", "adhd_cvae", "sensitivity", str(lab.bids), str(out), "--jobs", "2"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*call, *with_settings(*SETTINGS)], env=env, start_new_session=True, stderr=subprocess.DEVNULL
    ) as process:
        while len(list(out.glob("sensitivity/cells/*/d-*.tsv"))) < KILLED_AFTER:
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    now = tabled_cells(out)
    assert KILLED_AFTER <= len(now) < 30
    assert now.items() <= tabled(lab.run.paths.folder).items()
    ask(Run(OutputPaths(out), lab.run.recipe, Silent()), lab.bids)
    assert tabled(out) == tabled(lab.run.paths.folder)
    arrays = {one.relative_to(out).as_posix() for one in out.rglob("*") if is_array(one)}
    below = "sensitivity/cache/controls/cache"
    assert arrays == {f"{below}/images.npy", f"{below}/within.npy"}
    assert not list(out.rglob("*.partial*"))


def tabled_cells(out: Path) -> dict[str, str]:
    """Finished cohorts; a kill leaves what was being written under a name that begins with a dot."""
    return {one.name: file_checksum(one) for one in out.glob("sensitivity/cells/*/d-*.tsv")}


def is_array(path: Path) -> bool:
    return path.name.endswith((".npy", ".npz", ".nii", ".nii.gz", ".h5", ".safetensors"))


@pytest.mark.slow
def test_nobody_is_named_and_the_dataset_is_as_it_was(lab):
    labels = [one.name.removeprefix("sub-") for one in lab.bids.glob("sub-*")]
    named = re.compile(rf"(?<![\d.])({'|'.join(labels)})(?!\d)".encode())
    assert len(labels) == OWN
    folder, store = lab.run.paths.sensitivity, find_store(lab.run.paths.folder)
    files = [one for one in folder.rglob("*") if one.is_file() and "cache" not in one.parts]
    assert store.database is not None
    files += [store.database, *store.database.with_name("mlflow-artifacts").rglob("*.*")]
    assert len(files) > 30
    for file in files:
        assert not (file.is_file() and named.search(file.read_bytes())), file.name
    assert checksums(lab.bids) == lab.dataset


@pytest.mark.slow
def test_what_was_learnt_elsewhere_is_borrowed_in_cohorts_of_their_own(lab, monkeypatch):
    # So few lenders do not help, so that no fold would take them.
    compared, first = refits.compared_forms, lambda form: form.name != BORROWED
    monkeypatch.setattr(
        refits, "compared_forms", lambda *given, **more: sorted(compared(*given, **more), key=first)
    )
    elsewhere, lent = lab.folder / "elsewhere" / "bids", OutputPaths(lab.folder / "elsewhere" / "lent")
    simulate.run(elsewhere, SimulationConfig(participants=LENT, seed=8, resolution=6), Silent())
    few = "reference.least_participants=20"
    with owned(lent.folder, dataset=elsewhere):
        background.run(Run(lent, load_recipe("smoke", (*GRID, few)), Silent()), BidsInput(elsewhere))
    asked = (f"cohort.background_from=[{lent.folder}]", "sensitivity.cohens_d=[1.2]")
    asked += (
        "cohort.folds=3",
        "model.linear.choice_folds=5",
    )  # of 12 participants, two or three in each part
    recipe = load_recipe("smoke", (*SETTINGS, *asked))
    run = Run(OutputPaths(lab.output("borrowing")), recipe, Silent())
    with owned(run.paths.folder, dataset=lab.bids):
        made = prepare(run, BidsInput(lab.bids), "k" * 16)
        cells = [cell for cell in cells_of(recipe.sensitivity, borrows=True) if cell.seed < 2]
        found = made.laboratory.measure(cells, run.progress, 1)
    assert [one.reference.count for one in made.lent] == [LENT // 2]
    shown = tables(found, OWN, LENT // 2)
    for name in ("power", "smallest", "false_positives"):
        assert set(shown[name]["borrowed"]) == {0, LENT // 2}
    auc = found[(found["measure"] == "auc") & (found["space"] == "salient")]
    apart = auc.pivot(index=["cohens_d", "seed"], columns="borrows", values="value")
    assert np.abs(apart[True] - apart[False]).max() > 0
    assert checksums(lab.bids) == lab.dataset


@pytest.mark.slow
def test_a_planted_cohort_is_a_dataset_that_prepare_reads(lab, tmp_path, capsys):
    target, out = tmp_path / "planted", tmp_path / "out"
    given = with_settings(*SETTINGS)
    call = ("sensitivity", lab.bids, lab.run.paths.folder, *given, "--export", target)
    assert ended(*call) == 0
    assert "d = 1.2" in capsys.readouterr().out
    assert len(list(target.glob("sub-*/anat/*.nii.gz"))) == OWN // 2
    assert ended("prepare", target, out, *given) == 0
    truth = read_tsv(target / "sourcedata" / "truth" / "truth.tsv")
    cohort = read_tsv(out / "cohort.tsv").set_index("participant_id")["group"]
    assert cohort.to_dict() == truth.set_index("participant_id")["group"].to_dict()
    assert ended(*call) == 1
    assert "not empty" in capsys.readouterr().err
    assert checksums(lab.bids) == lab.dataset


@pytest.mark.slow
def test_controls_alone_are_asked_and_it_is_told(lab):
    bids, out = lab.folder / "controls" / "bids", lab.output("controls")
    shutil.copytree(lab.bids, bids)
    write_tsv(read_tsv(bids / "participants.tsv").assign(dx=0), bids / "participants.tsv")
    words = ask(Run(OutputPaths(out), lab.run.recipe, Silent()), bids, quick=True)
    assert "no patients" in words
    assert "would have been found in" in words
    facts = read_json(OutputPaths(out).sensitivity_facts)
    assert (facts["n"], facts["patients"], facts["controls"], facts["quick"]) == (OWN, 0, OWN, True)
    assert facts["cohort_patients"] == pytest.approx(OWN / 2, abs=3)


NOWHERE = "sensitivity.severities={nowhere: {centres: [[0, 0, 190]]}}"


@pytest.fixture
def copied(demo, tmp_path):
    """A copy of a small cohort: 12 patients, 12 controls; and a way to edit its table."""
    bids = tmp_path / "bids"
    shutil.copytree(demo.bids_dir, bids)

    def edit(**columns) -> Path:
        write_tsv(read_tsv(bids / "participants.tsv").assign(**columns), bids / "participants.tsv")
        return bids

    return edit


def apart(table) -> np.ndarray:
    return np.where(table["dx"] > 0, 1, 3)


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        ({}, "12 controls are few"),
        ({"dx": 0}, "There are no patients"),
        ({"site": apart}, "No site has patients and controls"),
    ],
)
def test_what_cannot_be_asked_is_noted_and_the_rest_is_answered(copied, tmp_path, columns, note):
    bids = copied(**columns)
    run = Run(OutputPaths(tmp_path / "out"), load_recipe("smoke", SETTINGS), Silent())
    with owned(run.paths.folder, dataset=bids):
        made = prepare(run, BidsInput(bids), "k" * 16)
        cells = [one for one in cells_of(run.recipe.sensitivity, borrows=False) if one.seed == 0]
        found = made.laboratory.measure(cells, run.progress, 1)
    assert any(one.startswith(note) for one in made.notes)
    assert set(found["cohens_d"]) == {0, 0.5, 1.2}
    assert found["p_value"].notna().any()


def test_maps_that_cannot_be_used_are_told(copied, tmp_path):
    bids = copied(dx=0)
    maps = sorted(bids.glob("sub-*/anat/*.nii.gz"))
    shutil.copy(maps[0], maps[1])
    maps[2].write_bytes(b"no map")
    run = Run(OutputPaths(tmp_path / "out"), load_recipe("smoke", SETTINGS), Silent())
    with owned(run.paths.folder, dataset=bids):
        made = prepare(run, BidsInput(bids), "k" * 16)
    assert len(made.controls.table) == 21
    assert made.notes[0].startswith(
        "The maps of 3 of 24 controls cannot be used: 2 are one brain under several"
    )
    assert "sub-" not in made.notes[0]


def test_one_brain_under_several_names_is_no_cohort(copied, tmp_path, capsys):
    bids = copied(dx=0)
    one, *others = sorted(bids.glob("sub-*/anat/*.nii.gz"))
    for other in others:
        shutil.copy(one, other)
    assert ended("sensitivity", bids, tmp_path / "out", *with_settings(*SETTINGS)) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("adhd-cvae: ")]
    assert len(lines) == 1
    assert "24 of 24 controls cannot be used: 24 are one brain under several names" in lines[0]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            ("sensitivity.fewest_controls=16",),
            "12 controls with a map were found, and cohorts are made of at least 16",
        ),
        (("cohort.background=[9]",), "0 controls with a map were found"),
        ((NOWHERE,), "no map has gray matter in the region of nowhere"),
    ],
)
def test_what_cannot_be_answered_is_one_line(demo, tmp_path, capsys, settings, problem):
    out = tmp_path / "out"
    given = with_settings(*SETTINGS, *settings)
    assert ended("sensitivity", demo.bids_dir, out, *given, "--jobs", "1") == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("adhd-cvae: ")]
    assert len(lines) == 1
    assert problem in lines[0]
    assert not (out / "sensitivity" / "sensitivity.json").exists()


def test_results_of_another_dataset_are_refused(demo, copied, tmp_path, capsys):
    results = tmp_path / "out"  # from where the copy is elsewhere than the dataset was
    shutil.copytree(demo.paths.folder, results)
    before = checksums(results)
    assert ended("sensitivity", copied(), results) == 1
    assert "not of the cohort" in capsys.readouterr().err
    now = checksums(results)
    assert {name for name in now if now[name] != before.get(name)} <= {
        ".adhd-cvae.jsonl",
        ".in-use.json",
        ".in-use.lock",
    }
