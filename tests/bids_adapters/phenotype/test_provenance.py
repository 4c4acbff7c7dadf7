"""Which table and which row a value comes from."""

from pathlib import Path

from bids_adapters.phenotype.table import read_phenotype
from tests.bids_adapters.phenotype.invented_tables import write


def test_examples_name_table_and_row_and_values_are_counted_as_written(tmp_path: Path) -> None:
    one = write(
        tmp_path,
        "one.csv",
        "ID,Gender",
        *(f"{number},{'F' if number < 5 else 'Male'}" for number in range(1, 8)),
    )
    two = write(tmp_path, "two.csv", "ID,Gender", "8,F", "9,Male", "10,F", "11,F", "12,diverse")
    found = read_phenotype([one, two]).provenance["sex"]
    everybody = {str(number) for number in range(1, 13)}
    assert found.files == ("one.csv", "two.csv")
    assert [(one.file, one.row, one.written, one.value) for one in found.examples(everybody)] == [
        ("one.csv", 2, "F", "0"),
        ("one.csv", 6, "Male", "1"),
    ]
    assert [one.row for one in found.examples({"8"})] == [2]
    assert found.not_understood(everybody) == {"diverse": 1}
