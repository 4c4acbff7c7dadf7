"""The verbs below ``adhd-cvae benchmark``, called as a user calls them."""

import numpy as np
import pytest

from adhd_cvae.io import read_tsv
from pipelines.benchmarks.separation import cells as cells_module
from pipelines.benchmarks.separation import grid as grid_module
from pipelines.benchmarks.separation.grid import Condition
from pipelines.benchmarks.separation.metrics import CEILING
from pipelines.cli.main import main
from tests.pipelines.benchmarks.separation.tiny import TINY


def test_a_tiny_grid_from_the_command_line(tmp_path, monkeypatch, capsys):
    kinds = (Condition(n=40), Condition(n=40, null=True))
    monkeypatch.setattr(grid_module, "QUICK", kinds)
    monkeypatch.setattr(grid_module, "NULL", kinds[1])
    monkeypatch.setattr(cells_module, "REFERENCE_PARTICIPANTS", 24)
    monkeypatch.setattr("adhd_cvae.simulation.cohort.CALIBRATION_PARTICIPANTS", 8)
    settings = [word for override in TINY for word in ("--set", override)]
    call = ["benchmark", "separation", str(tmp_path), "--quick", "--jobs", "1", "--seeds", "1"]
    with pytest.raises(SystemExit) as ended:
        main([*call, "--methods", "adhd_cvae,pca", *settings])
    assert ended.value.code in (0, None)
    table = read_tsv(tmp_path / "separation.tsv")
    assert set(table["method"]) == {"adhd_cvae", "pca", CEILING}
    assert table["null"].any()
    assert np.isfinite(table.loc[table["metric"] == "r", "score"]).all()
    page = (tmp_path / "separation.md").read_text()
    assert "No effect planted" in page
    assert page in capsys.readouterr().out
    assert (tmp_path / "separation_leakage.svg").is_file()
    assert (tmp_path / "separation_null.svg").is_file()
