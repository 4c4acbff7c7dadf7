"""Groups: the recipe's column and codes, however the phenotype writes them."""

from pathlib import Path

import pytest

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from bids_adapters.phenotype.groups import read_groups
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


def test_without_the_column_columns_of_few_values_are_offered_where_groups_are_needed(tmp_path: Path) -> None:
    found, files = phenotype(tmp_path, "arm,score", "a,1", "b,2", "a,3", "b,4")
    assert read_groups(found, CohortConfig(), files, required=False) == {}
    with pytest.raises(InputError, match=r"no column 'dx' .*Columns of few values: arm \(a, b\)"):
        read_groups(found, CohortConfig(), files, required=True)
