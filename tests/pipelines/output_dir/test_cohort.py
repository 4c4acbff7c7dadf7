"""Tables about the cohort: what site shares with the group, and why nobody is left."""

import pandas as pd

from adhd_cvae.io import read_json, read_tsv
from pipelines.output_dir.cohort import nothing_left, write_confounding


def test_confounding_is_written_with_its_sidecar(tmp_path):
    cohort = pd.DataFrame({"group": ["target", "background"] * 4, "site": [1, 1, 2, 2] * 2, "age": range(8)})
    write_confounding(cohort, "site", {"age": "ratio"}, tmp_path / "confounding.tsv")
    table = read_tsv(tmp_path / "confounding.tsv")
    assert "age" in set(table["variable"])
    assert set(read_json(tmp_path / "confounding.json")) >= {"variable"}


def test_the_first_reasons_are_named_and_the_rest_counted():
    exclusions = pd.DataFrame(
        {"participant_id": [f"sub-{k}" for k in range(23)], "reason": "no_map", "detail": "x."}
    )
    lines = nothing_left(exclusions)
    assert lines[0] == "sub-0: no_map. x."
    assert len(lines) == 21
    assert lines[-1] == "nothing is left to work on (3 more in exclusions.tsv)."
