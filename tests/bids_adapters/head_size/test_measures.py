"""Columns are added and none is lost; sums of maps are read apart."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import CohortConfig
from bids_adapters.head_size.measures import add_measures, measure_volumes
from tests.bids_adapters.head_size.invented_reports import MODULATED, cat12, scans, tissue, written

MAPS = scans("1", "2")


def cohort(**columns: list[object]) -> tuple[pd.DataFrame, dict[str, dict[str, str]]]:
    table = pd.DataFrame(
        {"participant_id": ["sub-1", "sub-2"], **columns, "image_choice": ["first", "first"]}
    )
    return table, {str(name): {"Origin": f"column '{name}'"} for name in table}


def add(folder: Path, settings: CohortConfig | None = None, **columns: list[object]):
    return add_measures(*cohort(**columns), MAPS, MODULATED, folder, settings or CohortConfig())


def test_head_size_and_quality_come_before_how_the_map_was_chosen(tmp_path: Path) -> None:
    cat12(tmp_path / "report/cat_sub-1.xml", 1400, 2.5)
    cat12(tmp_path / "report/cat_sub-2.xml", 99, 3.5)
    written(tmp_path / "mriqc/group_T1w.tsv", "bids_name\tcjv\tefc\tfber\nsub-2_T1w\t0.4\t0.6\t9\n")
    written(tmp_path / "mriqc/group_bold.tsv", "bids_name\tfd_mean\nsub-2_task-a_bold\t0.2\n")
    found = add(tmp_path, age=[10, 12])
    names = ["quality_iqr", "mriqc_cjv", "mriqc_efc", "mriqc_fd_mean", "tiv"]
    assert list(found.table) == ["participant_id", "age", *names, "image_choice"] == list(found.columns)
    np.testing.assert_equal(found.table["tiv"].tolist(), [1400, np.nan])
    assert found.table["quality_iqr"].tolist() == [2.5, 3.5]
    np.testing.assert_equal(found.table["mriqc_fd_mean"].tolist(), [np.nan, 0.2])
    assert "1 excellent to 6 unacceptable" in found.columns["quality_iqr"]["Description"]
    assert [(note.key, note.reason) for note in found.notes] == [("sub-2", "not_a_head_size")]


def test_nothing_found_changes_nothing(tmp_path: Path) -> None:
    table, columns = cohort(age=[10, 12])
    found = add_measures(table, columns, MAPS, MODULATED, tmp_path, CohortConfig())
    pd.testing.assert_frame_equal(found.table, table)
    assert (found.columns, found.notes, found.volumes) == (columns, [], {})


def test_a_column_of_the_users_in_ml_stays_and_another_is_kept_beside_it(tmp_path: Path) -> None:
    same = add(tmp_path, tiv=[1400, 1500])
    assert list(same.table) == ["participant_id", "tiv", "image_choice"]
    converted = add(tmp_path, tiv=[1400000, 1500000])
    assert converted.table["tiv"].tolist() == [1400, 1500]
    assert converted.table["source_tiv"].tolist() == [1400000, 1500000]
    assert converted.columns["source_tiv"] == {"Origin": "column 'tiv'"}
    named = add(tmp_path, icv=[1400000, 1500000])
    assert named.table["icv"].tolist() == [1400000, 1500000]
    assert named.table["tiv"].tolist() == [1400, 1500]
    for other in ([0.1, -0.2], ["small", "large"]):
        unused = add(tmp_path, tiv=other)
        assert "tiv" not in unused.table
        assert unused.table["source_tiv"].tolist() == other


def test_the_tool_that_is_asked_for_does_not_overwrite_the_users_column(tmp_path: Path) -> None:
    cat12(tmp_path / "report/cat_sub-1.xml", 1450)
    found = add(tmp_path, CohortConfig(tiv_source="cat12"), tiv=[1400, 1500], quality_iqr=[7.0, 8.0])
    np.testing.assert_equal(found.table["tiv"].tolist(), [1450, np.nan])
    assert found.table["source_tiv"].tolist() == [1400, 1500]
    assert found.table["quality_iqr"].tolist() == [7, 8]


def test_sums_of_maps_are_read_when_asked_and_checked_as_heads(tmp_path: Path) -> None:
    for label, value in (("1", 0.5), ("2", 0.05)):
        for one in ("GM", "WM", "CSF"):
            tissue(tmp_path / f"sub-{label}/anat/sub-{label}_label-{one}_probseg.nii", value)
    found = add(tmp_path)
    assert found.table["tiv"].isna().all()
    assert "sMRIPrep" in found.columns["tiv"]["Origin"]
    ticks = []
    settings = CohortConfig()
    sizes, notes = measure_volumes(found.volumes, tmp_path, settings, lambda *done: ticks.append(done))
    assert sizes == {"sub-1": pytest.approx(1.5 * 999.5)}
    assert [(note.key, note.reason) for note in notes] == [("sub-2", "not_a_head_size")]
    assert ticks == [(1, 2), (2, 2)]


def test_total_gray_matter_has_no_bounds_of_a_head_and_an_unreadable_map_a_note(tmp_path: Path) -> None:
    tissue(tmp_path / "sub-1.nii", 0.4)
    written(tmp_path / "sub-2.nii", "none")
    settings = CohortConfig(tiv_source="total_gray_matter")
    sizes, notes = measure_volumes(add(tmp_path, settings).volumes, tmp_path, settings, lambda *_: None)
    assert sizes == {"sub-1": pytest.approx(0.4 * 999.5)}
    assert [(note.key, note.reason) for note in notes] == [("sub-2", "unreadable_report")]
