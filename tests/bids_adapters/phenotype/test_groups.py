"""Groups: the recipe's column and codes, however the phenotype writes them."""

import json
from pathlib import Path

import pytest

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from bids_adapters.phenotype.groups import read_groups
from bids_adapters.phenotype.sessions import Sessions
from bids_adapters.phenotype.table import Phenotype, read_phenotype
from tests.bids_adapters.phenotype.invented_tables import write


def phenotype(folder: Path, header: str, *cells: str) -> tuple[Phenotype, list[Path]]:
    files = [write(folder, "a.csv", f"ID,{header}", *(f"{row},{cell}" for row, cell in enumerate(cells, 1)))]
    return read_phenotype(files), files


def test_codes_may_be_numbers_text_or_the_words_of_the_code_book(tmp_path: Path) -> None:
    found, files = phenotype(tmp_path, "DX", "ADHD-Combined", "Typically Developing", "3", "")
    settings = CohortConfig(group="DX", target=(1, "ADHD-Inattentive"), background=("0",))
    groups = read_groups(found, settings, files, required=True)
    assert groups == {"1": ("target", "1"), "2": ("background", "0"), "3": ("target", "3"), "4": ("", "")}


def test_codes_of_another_study_are_compared_without_their_case(tmp_path: Path) -> None:
    found, files = phenotype(tmp_path, "Arm", "Patient", "control", "relative")
    settings = CohortConfig(group="Arm", target=("patient",), background=("Control",))
    groups = read_groups(found, settings, files, required=True)
    assert [group for group, _ in groups.values()] == ["target", "background", ""]


@pytest.mark.parametrize(
    ("cells", "target", "background"),
    [
        (("Yes", "No"), True, False),
        (("TRUE", "FALSE"), True, False),
        (("y", "n"), True, False),
        (("1.0", "0.0"), 1.0, 0),
        (("01", "02"), 1, 2),
        (("1", "2"), "01", 2.0),
        (("On", "Off"), True, "off"),
    ],
)
def test_what_yaml_made_of_a_code_meets_what_the_table_writes(
    tmp_path: Path, cells: tuple[str, str], target: bool | float | str, background: bool | float | str
) -> None:
    found, files = phenotype(tmp_path, "adhd", *cells)
    settings = CohortConfig(group="adhd", target=(target,), background=(background,))
    groups = read_groups(found, settings, files, required=True)
    assert [group for group, _ in groups.values()] == ["target", "background"]


@pytest.mark.parametrize(
    ("cells", "target", "background", "says"),
    [
        (("HC", "ADHD"), (1, 2), (0,), r"holds ADHD \(1\), HC \(1\); none of it is cohort\.target=1, 2"),
        (("1", "0"), (True,), (False,), r"holds 0 \(1\), 1 \(1\); none of it is cohort\.target=True"),
        (("010", "020"), (8,), (20,), r"holds 010 \(1\), 020 \(1\); none"),
        (
            ("non-ADHD", "ADHD"),
            ("ADHD",),
            ("control",),
            r"nobody in the background group.* non-ADHD \(1\)",
        ),
    ],
)
def test_codes_that_nobody_has_are_answered_with_those_there_are(
    tmp_path: Path,
    cells: tuple[str, str],
    target: tuple[int | str, ...],
    background: tuple[int | str, ...],
    says: str,
) -> None:
    found, files = phenotype(tmp_path, "status", *cells)
    with pytest.raises(InputError, match=says):
        read_groups(
            found, CohortConfig(group="status", target=target, background=background), files, required=True
        )


def test_what_was_not_understood_is_named_too(tmp_path: Path) -> None:
    found, files = phenotype(tmp_path, "dx", *["control"] * 9, "ADHD")
    with pytest.raises(InputError, match=r"holds 0 \(9\), and not understood ADHD \(1\); none of it is"):
        read_groups(found, CohortConfig(), files, required=True)


def test_rows_that_were_left_out_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", "participant_id\tsession_id\tdx", "sub-1\t1\t0", "sub-2\t2\t1")
    found = read_phenotype([path], sessions=Sessions({"1": "1", "2": "1"}))
    with pytest.raises(InputError, match=r"holds 0 \(1\); none .* \(rows left out: other_session 1\)"):
        read_groups(found, CohortConfig(), [path], required=True)


@pytest.mark.parametrize(("target", "background"), [((1,), (1,)), ((1, 2), ("2", 0)), (("yes",), (True,))])
def test_no_code_is_of_both_groups(
    tmp_path: Path, target: tuple[int | str, ...], background: tuple[int | str, ...]
) -> None:
    found, files = phenotype(tmp_path, "arm", *("yes", "no") if "yes" in target else "012")
    with pytest.raises(InputError, match=r"arm .* is in cohort\.target and in cohort\.background"):
        read_groups(
            found, CohortConfig(group="arm", target=target, background=background), files, required=True
        )


def described(folder: Path, levels: dict[str, str]) -> tuple[Phenotype, list[Path]]:
    (folder / "a.json").write_text(json.dumps({"dx": {"Levels": levels}}))
    return phenotype(folder, "dx", *levels)


@pytest.mark.parametrize(
    "levels",
    [
        {"0": "ADHD", "1": "control"},
        {"1": "Healthy control", "2": "ADHD", "0": "pilot"},
        {"0": "control", "1": "ADHD", "2": "bipolar disorder"},
        {"0": "autism", "1": "ADHD"},
    ],
)
def test_levels_that_say_otherwise_are_not_overruled(tmp_path: Path, levels: dict[str, str]) -> None:
    found, files = described(tmp_path, levels)
    with pytest.raises(
        InputError, match=r"Levels of the dataset's JSON file are .*0 = .* but the recipe takes"
    ):
        read_groups(found, CohortConfig(), files, required=True)


@pytest.mark.parametrize(
    ("levels", "target", "background"),
    [
        ({"0": "ADHD", "1": "control"}, (0,), (1,)),
        ({"0": "ADHD", "1": "control"}, ("ADHD",), ("Control",)),
        ({"0": "control", "1": "ADHD-Combined", "2": "ADHD-Inattentive"}, (1, 2, 3), (0,)),
        ({"0": "no", "1": "yes"}, (1, 2, 3), (0,)),
        ({"1": "bipolar disorder", "0": "control"}, (1,), (0,)),
        ({"1": "Yes", "2": "No"}, (True,), (False,)),
    ],
)
def test_levels_may_be_named_and_agree(
    tmp_path: Path,
    levels: dict[str, str],
    target: tuple[int | str, ...],
    background: tuple[int | str, ...],
) -> None:
    found, files = described(tmp_path, levels)
    settings = CohortConfig(target=target, background=background)
    groups = read_groups(found, settings, files, required=True)
    assert {"target", "background"} == {group for group, _ in groups.values()}


def test_without_the_column_columns_of_few_values_are_offered_where_groups_are_needed(tmp_path: Path) -> None:
    found, files = phenotype(tmp_path, "arm,score", "a,1", "b,2", "a,3", "b,4")
    assert read_groups(found, CohortConfig(), files, required=False) == {}
    with pytest.raises(InputError, match=r"no column 'dx' .*Columns of few values: arm \(a, b\)"):
        read_groups(found, CohortConfig(), files, required=True)
