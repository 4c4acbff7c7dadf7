"""Each refusal says what was found and what to do."""

from pathlib import Path

import pandas as pd
import pytest

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from bids_adapters.refusals import check_groups, no_tables

NOBODY = pd.DataFrame({"group": []})
REASONS = pd.DataFrame({"reason": ["no_map", "no_map", "group_missing"]})


def test_nobody_left_is_refused_with_the_reasons_counted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no participant is left \(no_map 2, group_missing 1\)"):
        check_groups(NOBODY, REASONS, CohortConfig(), tmp_path, None)


def test_one_group_is_refused_with_the_codes_that_there_are(tmp_path: Path) -> None:
    table, groups = pd.DataFrame({"group": ["target"]}), {"1": ("target", "1"), "2": ("", "9")}
    with pytest.raises(InputError, match=r"nobody in the background group.*has dx in 0 .*1 \(1\), 9 \(1\)"):
        check_groups(table, REASONS, CohortConfig(), tmp_path, groups)
    check_groups(
        table, REASONS, CohortConfig(), tmp_path, None
    )  # groups of new participants need not be known


def test_a_derivative_without_tables_is_looked_for_around_too(tmp_path: Path) -> None:
    assert "nor in the dataset around it" in no_tables(tmp_path / "derivatives" / "cat12")
    assert "nor in" not in no_tables(tmp_path)
