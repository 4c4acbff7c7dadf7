"""The benchmark with known truth: resumes, does not depend on the processes, leaves nothing half-written."""

import time

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_tsv
from pipelines.benchmarks.separation import grid as benchmark_separation
from pipelines.benchmarks.separation import methods as separation_scores
from pipelines.benchmarks.separation.grid import (
    CEILING,
    COLUMNS,
    FULL,
    QUICK,
    Cell,
    Condition,
    grid,
    measure_separation,
)
from pipelines.benchmarks.separation.methods import METHODS, adapted
from pipelines.cli.main import main
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe

TINY = (
    "model.channels=[2,2]", "model.hidden=4", "model.background=4", "model.salient=2", "training.epochs=1",
    "training.batch_size=8", "analysis.permutations=19",
)  # fmt: skip
# Without effects nothing has to be calibrated, and in so few nothing is compiled for RSA.
CELLS = [Cell(Condition(n=40, null=True), seed) for seed in (0, 1)]


def measure(folder, cells=CELLS, methods=("contrastive_pca", "pca"), jobs=1, overrides=()):
    recipe = load_recipe("separation", (*TINY, *overrides))
    return measure_separation(folder, recipe, Silent(), cells=cells, methods=methods, jobs=jobs)


@pytest.fixture
def few_references(monkeypatch):
    monkeypatch.setattr(benchmark_separation, "REFERENCE_PARTICIPANTS", 24)


@pytest.fixture
def ran(monkeypatch):
    """Cells that were run rather than read, and the methods run."""
    calls = []
    real = benchmark_separation.run_cell

    def run_cell(cell, methods, recipe, store, scratch):
        calls.append((cell.seed, tuple(benchmark_separation._missing(store, cell, methods))))
        return real(cell, methods, recipe, store, scratch)

    monkeypatch.setattr(benchmark_separation, "run_cell", run_cell)
    return calls


def test_only_what_is_missing_is_run_again(tmp_path, few_references, ran):
    first = measure(tmp_path)
    assert [seed for seed, _ in ran] == [0, 1]
    ran.clear()
    pd.testing.assert_frame_equal(measure(tmp_path), first)
    assert ran == []
    (tmp_path / "cells" / f"{CELLS[1].key}.tsv").unlink()
    again = measure(tmp_path)
    assert [seed for seed, _ in ran] == [1]
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), first.drop(columns="seconds"))
    ran.clear()
    measure(tmp_path, methods=("contrastive_pca", "pca", "adhd_cvae"))
    assert ran == [(0, ("adhd_cvae",)), (1, ("adhd_cvae",))]
    pd.testing.assert_frame_equal(measure(tmp_path).drop(columns="seconds"), first.drop(columns="seconds"))


def test_the_numbers_do_not_depend_on_the_processes(tmp_path):
    tables = [
        measure(tmp_path / str(jobs), methods=("adhd_cvae", "pca"), jobs=jobs).drop(columns="seconds")
        for jobs in (1, 2)
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)


def test_the_table_is_tidy(tmp_path, few_references):
    table = measure(tmp_path)
    assert list(table.columns) == COLUMNS
    assert set(table["method"]) == {"contrastive_pca", "pca", CEILING}
    assert set(table["seed"]) == {0, 1}
    cells = table.drop(columns=["score", "p_value", "seconds"])
    assert not cells.duplicated().any()
    stable = table[table["metric"] == "stability"]
    assert set(zip(stable["method"], stable["space"], strict=True)) == {
        ("contrastive_pca", "salient"), ("contrastive_pca", "background"), ("pca", "all"),
    }  # fmt: skip
    pca = table[table["method"] == "pca"].set_index("metric")["score"]
    assert (pca["unexplained_over_pca"] == 1).all()
    assert (table.loc[table["method"] == "pca", "seconds"].dropna() > 0).all()


def test_a_killed_run_leaves_no_partial_file(tmp_path, few_references, monkeypatch):
    real = separation_scores.method_rows

    def interrupted(method, cohort, *args, **kwargs):
        if method is METHODS["pca"]:
            raise KeyboardInterrupt
        return real(method, cohort, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(separation_scores, "method_rows", interrupted)
        with pytest.raises(KeyboardInterrupt):
            measure(tmp_path)
    assert list((tmp_path / "cells").iterdir()) == []
    (tmp_path / "cells" / ".writing-abc.partial.tsv").write_text("half")  # what nobody could clean up
    (tmp_path / "scratch" / "cvae").mkdir(parents=True)
    table = measure(tmp_path)
    assert {path.suffix for path in (tmp_path / "cells").iterdir()} == {".tsv", ".npz"}
    assert not list((tmp_path / "cells").glob(".*"))
    assert not (tmp_path / "scratch").exists()
    pd.testing.assert_frame_equal(
        table.drop(columns="seconds"), measure(tmp_path / "whole").drop(columns="seconds")
    )


def test_other_settings_and_unknown_methods_are_refused(tmp_path, few_references):
    measure(tmp_path, cells=CELLS[:1], methods=("pca",))
    with pytest.raises(InputError, match=r"other settings of the recipe.*separation\.json"):
        measure(tmp_path, cells=CELLS[:1], methods=("pca",), overrides=("image.fwhm=0",))
    with pytest.raises(InputError, match=r"no method 'umap'\. Known ones: adhd_cvae"):
        measure(tmp_path, methods=("pca", "umap"))


def test_a_method_that_diverges_is_a_row_and_stops_nobody(tmp_path, few_references, monkeypatch):
    def diverge(*args):
        raise InputError("The loss became nan")

    monkeypatch.setattr(separation_scores, "fit", diverge)
    table = measure(tmp_path, cells=CELLS[:1], methods=("pca",))
    assert table.loc[table["method"] == "pca", "metric"].tolist() == ["failed"]
    assert (table["method"] == CEILING).any()


@pytest.mark.parametrize("name", METHODS)
def test_every_method_fits_the_recipe(name):
    recipe = load_recipe("separation")
    changed = adapted(recipe, METHODS[name].overrides, seed=3)
    assert changed.seed == 3
    assert changed.image == recipe.image


def test_the_grids_move_one_thing_at_a_time():
    middle = Condition()
    for condition in (*QUICK, *FULL):
        different = [name for name in Condition._fields if getattr(condition, name) != getattr(middle, name)]
        assert len(different) <= 1 or different in (["cohens_d", "subtypes"], ["cohens_d", "population"])
    assert {condition.cohens_d for condition in FULL} == {0.2, 0.35, 0.5, 0.8, 1.4}
    assert {condition.n for condition in FULL} == {100, 250, 500}
    assert {condition.severities for condition in FULL} == {1, 2, 3}
    assert {condition.confounding for condition in FULL} == {0.0, 0.3, 0.6}
    cells = grid(quick=False, seeds=5)
    assert len({cell.key for cell in cells}) == len(cells)
    assert sum(cell.condition.null for cell in cells) == 20
    assert set(grid(quick=True, seeds=2)) <= set(cells)


def test_a_tiny_grid_from_the_command_line(tmp_path, few_references, monkeypatch, capsys):
    kinds = (Condition(n=40), Condition(n=40, null=True))
    monkeypatch.setattr(benchmark_separation, "QUICK", kinds)
    monkeypatch.setattr(benchmark_separation, "NULL", kinds[1])
    monkeypatch.setattr("adhd_cvae.simulation.cohort.CALIBRATION_PARTICIPANTS", 8)
    settings = [word for override in TINY for word in ("--set", override)]
    started = time.monotonic()
    call = ["benchmark", "separation", str(tmp_path), "--quick", "--jobs", "1", "--seeds", "1"]
    with pytest.raises(SystemExit) as ended:
        main([*call, "--methods", "adhd_cvae,pca", *settings])
    assert ended.value.code in (0, None)
    assert time.monotonic() - started < 60
    table = read_tsv(tmp_path / "separation.tsv")
    assert set(table["method"]) == {"adhd_cvae", "pca", CEILING}
    assert table["null"].any()
    assert np.isfinite(table.loc[table["metric"] == "r", "score"]).all()
    page = (tmp_path / "separation.md").read_text()
    assert "No effect planted" in page
    assert page in capsys.readouterr().out
    assert (tmp_path / "separation_leakage.svg").is_file()
    assert (tmp_path / "separation_null.svg").is_file()
