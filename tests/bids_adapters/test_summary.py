"""The summary says what a lab can check, on one screen, and names nobody."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from adhd_cvae.config import CohortConfig
from bids_adapters import build_cohort
from bids_adapters.cohort import Cohort
from bids_adapters.summary import WIDTH, summary_lines, why_left_out

SETTINGS = CohortConfig(group="diagnosis", target=("ADHD",), background=("HC",), site="scanner")


def dataset(root: Path, rows: str, session: str = "") -> Cohort:
    """A cohort of one map each, of the table's participants."""
    (root / "participants.tsv").write_text(rows)
    for line in rows.splitlines()[1:]:
        label = line.split("\t")[0]
        folder = root / label / (f"ses-{session}" if session else "") / "anat"
        folder.mkdir(parents=True)
        words = f"{label}_ses-{session}" if session else label
        (folder / f"{words}_space-MNI152NLin2009cAsym_label-GM_probseg.nii.gz").touch()
    return build_cohort(root, SETTINGS)


ROWS = (
    "participant_id\tdiagnosis\tage\tsex\tscanner\n"
    "sub-a1\tADHD\t9.5\tmale\tPrisma\n"
    "sub-a2\tHC\t10\tfemale\tPrisma\n"
    "sub-a3\tHC\t11\t?\tTrio\n"
    "sub-a4\tother\t12\tmale\tTrio\n"
)


@pytest.fixture
def lines(tmp_path: Path) -> dict[str, str]:
    """Each text, whole, by its first word."""
    texts: dict[str, str] = {}
    for line in summary_lines(dataset(tmp_path, ROWS, session="2"), "scanner"):
        name = line[:10].strip() or list(texts)[-1]
        texts[name] = f"{texts[name]} {line[11:]}" if name in texts else line[11:]
    return texts


def test_people_are_counted_by_group_and_site(lines):
    assert lines["people"] == "3: 1 patients, 2 controls"
    assert lines["sites"] == "2, patients + controls: Prisma 1 + 1, Trio 0 + 1"


def test_the_kind_of_map_and_its_session_are_said(lines):
    assert "MNI152NLin2009cAsym, unmodulated" in lines["maps"]
    assert lines["maps"].endswith("session 2 (3)")


def test_tables_rows_and_values_are_said_and_what_was_not_understood(lines):
    assert lines["group"].startswith("participants.tsv: row 2 'ADHD', row 3 'HC'; understood")
    assert "HC = controls (2), ADHD = patients (1)" in lines["group"]
    assert lines["age"].startswith("participants.tsv: row 2 '9.5', row 3 '10'")
    rows = "participants.tsv: row 2 'male', row 3 'female'"
    assert lines["sex"] == f"{rows}; understood male (1), female (1); 1 have none"


def test_the_reasons_of_who_is_left_out_are_counted(lines):
    assert lines["left out"] == "1 people: 1 group_unused"


def test_who_has_several_lines_is_counted_once_by_the_reason_of_most(tmp_path):
    cohort = dataset(tmp_path, ROWS)
    lines = [(f"sub-x{one}", "layout", "no_map", "") for one in range(3)]
    lines += [("sub-x1", "phenotype", "value_not_in_code_book", ""), ("n/a", "phenotype", "same_header", "")]
    lines += [("sub-x9", "layout", "not_selected", ""), ("sub-a1", "layout", "later_session", "")]
    out = pd.DataFrame(lines, columns=cohort.exclusions.columns)
    assert why_left_out(replace(cohort, exclusions=out)) == {"no_map": 3}


def test_nobody_is_named(tmp_path):
    assert "sub-" not in "\n".join(summary_lines(dataset(tmp_path, ROWS), "scanner"))


def test_hundreds_of_people_sites_and_reasons_fit_a_screen(tmp_path):
    rows = [
        f"sub-{one:03d}\t{'ADHD' if one % 2 else 'HC'}\t{one}\tmale\tsite{one % 40}" for one in range(200)
    ]
    cohort = dataset(tmp_path, "\n".join([ROWS.splitlines()[0], *rows]) + "\n")
    out = pd.DataFrame(
        [(f"sub-x{one}", "image", f"reason_{one % 5}", "") for one in range(50)],
        columns=cohort.exclusions.columns,
    )
    found = summary_lines(replace(cohort, exclusions=out), "scanner")
    assert len(found) <= 20
    assert max(map(len, found)) <= WIDTH
    assert "and 28 more" in "\n".join(found)
    assert found[-1].endswith("and 2 more reasons")


def test_without_a_column_of_sites_it_says_so(tmp_path):
    assert any("no column of sites" in line for line in summary_lines(dataset(tmp_path, ROWS), None))
