"""The manual's tables of files and columns are those of the sidecars."""

import pytest

from pipelines.output_dir.tables import TABLES
from tests.house.outputs import END, PAGE, START, manual_block, with_block


def test_the_manual_says_what_the_sidecars_say():
    page = PAGE.read_text(encoding="utf-8")
    assert with_block(page, manual_block()) == page, "run `python tests/house/outputs.py --write`"


@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_a_table_stands_in_its_row(name):
    (row,) = [line for line in manual_block().splitlines() if line.startswith(f"| `{name}` |")]
    assert [column for column in TABLES[name].columns if f"`{column}`" not in row] == []


def test_what_stands_around_the_marks_is_kept():
    assert with_block(f"a\n{START}\nold\n{END}\nb", "new") == f"a\n{START}\n\nnew\n\n{END}\nb"
