"""Cells: resume, do not depend on the processes, leave nothing half-written."""

import pandas as pd
import pytest

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from pipelines.benchmarks.separation import cells as cells_module
from pipelines.benchmarks.separation.cells import COLUMNS, Cells, known_methods
from pipelines.benchmarks.separation.cohorts import PlantedFolder
from pipelines.benchmarks.separation.grid import Cell, Condition, grid
from pipelines.benchmarks.separation.methods import METHODS
from pipelines.benchmarks.separation.metrics import CEILING
from pipelines.benchmarks.separation.report import summary_page
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from tests.pipelines.benchmarks.separation.planted_folder import UNCHECKED, planted_folder
from tests.pipelines.benchmarks.separation.tiny import TINY

# Without effects nothing has to be calibrated, and in so few nothing is compiled for RSA.
CELLS = [Cell(Condition(n=40, null=True), seed) for seed in (0, 1)]


def measure(folder, cells=CELLS, methods=("contrastive_pca", "pca"), jobs=1, overrides=()):
    recipe = load_recipe("separation", (*TINY, *overrides))
    return Cells(folder, recipe, known_methods(methods), 24).measure(cells, Silent(), jobs)


@pytest.fixture
def ran(monkeypatch):
    """Cells that were run rather than read, and the methods run."""
    calls = []
    real = Cells.run

    def run(self, cell):
        calls.append((cell.seed, tuple(self.missing(cell))))
        return real(self, cell)

    monkeypatch.setattr(Cells, "run", run)
    return calls


def test_only_what_is_missing_is_run_again(tmp_path, ran):
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


def test_the_table_is_tidy(tmp_path):
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
    assert pca["unexplained_over_pca"].to_numpy() == pytest.approx(1, abs=1e-4)
    assert (table.loc[table["method"] == "pca", "seconds"].dropna() > 0).all()


def test_a_killed_run_leaves_no_partial_file(tmp_path, monkeypatch):
    real = cells_module.method_rows

    def interrupted(method, cohort, *args, **kwargs):
        if method is METHODS["pca"]:
            raise KeyboardInterrupt
        return real(method, cohort, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(cells_module, "method_rows", interrupted)
        with pytest.raises(KeyboardInterrupt):
            measure(tmp_path)
    assert list((tmp_path / "cells").glob("*")) == []
    (tmp_path / "cells").mkdir(exist_ok=True)
    (tmp_path / "cells" / ".writing-abc.partial.tsv").write_text("half")  # what nobody could clean up
    table = measure(tmp_path)
    assert {path.suffix for path in (tmp_path / "cells").iterdir()} == {".tsv", ".npz"}
    assert not list((tmp_path / "cells").glob(".*"))
    pd.testing.assert_frame_equal(
        table.drop(columns="seconds"), measure(tmp_path / "whole").drop(columns="seconds")
    )


def test_other_settings_and_unknown_methods_are_refused(tmp_path):
    measure(tmp_path, cells=CELLS[:1], methods=("pca",))
    with pytest.raises(InputError, match=r"other settings of the recipe.*separation\.json"):
        measure(tmp_path, cells=CELLS[:1], methods=("pca",), overrides=("image.fwhm=0",))
    measure(
        tmp_path, cells=CELLS[:1], methods=("pca",), overrides=("sensitivity.cohorts=9",)
    )  # asks nothing of it
    (tmp_path / "separation.json").write_bytes(b"\x81")
    with pytest.raises(InputError, match=r"other settings of the recipe.*separation\.json"):
        measure(tmp_path, cells=CELLS[:1], methods=("pca",))
    with pytest.raises(InputError, match=r"no method 'umap'\. Known ones: adhd_cvae"):
        measure(tmp_path, methods=("pca", "umap"))


def test_other_settings_are_measured_anew_where_that_is_asked_for(tmp_path):
    measure(tmp_path, cells=CELLS[:1], methods=("pca",))
    recipe = load_recipe("separation", (*TINY, "image.fwhm=0"))
    asked = Cells(tmp_path, recipe, known_methods(("pca",)), 24, overwrite=True)
    assert len(asked.measure(CELLS[1:], Silent(), 1)) > 0
    assert [path.stem for path in (tmp_path / "cells").glob("*.tsv")] == [CELLS[1].key]


def test_damaged_codes_are_refused_in_a_line(tmp_path):
    measure(tmp_path, cells=CELLS[:1], methods=("pca",))
    (tmp_path / "cells" / f"{CELLS[0].key}.npz").write_bytes(b"edited")
    with pytest.raises(InputError, match=r"npz cannot be read"):
        measure(tmp_path, cells=CELLS[:1], methods=("contrastive_pca",))


def test_a_method_that_diverges_is_a_row_and_stops_nobody(tmp_path, monkeypatch):
    def diverge(*_, **__):
        raise InputError("The loss became nan")

    monkeypatch.setattr("pipelines.benchmarks.separation.methods.train", diverge)
    table = measure(tmp_path, cells=CELLS[:1], methods=("pca",))
    assert table.loc[table["method"] == "pca", "metric"].tolist() == ["failed"]
    assert (table["method"] == CEILING).any()


def test_a_planted_cohort_is_scored_as_simulated_ones_are(tmp_path):
    recipe = load_recipe("separation", (*TINY, *UNCHECKED))
    planted = PlantedFolder(planted_folder(tmp_path, participants=60, loss=0.7), CohortConfig())
    cells = grid(2, size="quick", planted=planted.condition)
    names = known_methods(("contrastive_pca", "shrinkage_lda"), lends=False)
    table = Cells(tmp_path / "out", recipe, names, planted=planted).measure(cells, Silent(), 1)
    assert list(table.columns) == COLUMNS
    assert set(table["method"]) == {"contrastive_pca", "shrinkage_lda", CEILING}
    assert (set(table["cohort"]), set(table["n"]), set(table["cohens_d"])) == (
        {cells[0].condition.cohort},
        {60},
        {0.7},
    )
    assert {"r", "auc", "probe_linear", "hsic", "stability", "unexplained"} <= set(table["metric"])
    of_ceiling = table[(table["method"] == CEILING) & (table["metric"] == "r")]
    assert set(of_ceiling["target"]) == {"severity_left", "severity_right"}
    assert of_ceiling.groupby("target")["score"].mean().max() > 0.5
    of_lda = table[(table["method"] == "shrinkage_lda") & (table["metric"] == "auc")]
    assert of_lda["score"].mean() > 0.8
    page = summary_page(table)
    assert "Planted into given maps" in page
    assert "r of severity_left" in page
    assert str(tmp_path) not in page


def test_methods_that_borrow_have_nobody_to_borrow_from_beside_a_planted_cohort():
    with pytest.raises(InputError, match="borrowed_500 borrow"):
        known_methods(("borrowed_500", "pca"), lends=False)
    assert "borrowed_500" in known_methods(("borrowed_500",))
    assert not any(
        METHODS[name].borrows for name in known_methods(None, "quick", lends=False) if name != CEILING
    )
