"""The manual's tables of files and columns, made from what the sidecars are made of.

``python tests/house/outputs.py --write`` puts them into pipelines/README.md, between the ``outputs`` marks.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipelines.output_dir.table import Meaning
from pipelines.output_dir.tables import DESCRIBED, TABLES
from pipelines.report.sections import SECTIONS

PAGE = Path(__file__).parents[2] / "pipelines" / "README.md"
START, END = "<!-- outputs -->", "<!-- /outputs -->"


def manual_block() -> str:
    """Markdown of every file of OUTPUT_DIR, of the columns that several tables share, and of each table."""
    return "\n\n".join([_table(["file", "holds"], _files()), _shared(), _tables(), _figures()])


def with_block(page: str, block: str) -> str:
    """Replace what stands between the marks of a page."""
    before, rest = page.split(START)
    return f"{before}{START}\n\n{block}\n\n{END}{rest.split(END)[1]}"


def _files() -> Iterator[tuple[str, ...]]:
    for names, content in DESCRIBED["files"].items():
        yield ", ".join(f"`{name.strip()}`" for name in names.split(",")), content
    for name, described in DESCRIBED["arrays"].items():
        yield f"`{name}`", f"{described['content']}; made by `{described['made_by']}`, {_module(described)}"


def _shared() -> str:
    rows = [(f"`{column}`", _in_words(_shared_meaning(column))) for column in DESCRIBED["common"]]
    return f"In every table that has it,\n\n{_table(['column', 'means'], rows)}"


def _shared_meaning(column: str) -> Meaning:
    return next(TABLES[name].columns[column] for name in TABLES if _is_shared(name, column))


def _tables() -> str:
    rows = [
        (f"`{name}`", f"`{described['made_by']}`", _module(described), _content(described), _columns(name))
        for name, described in DESCRIBED["tables"].items()
    ]
    return _table(["table", "made by", "computed in", "holds", "columns"], rows)


def _module(described: dict[str, Any]) -> str:
    path = described["module"]
    return f"[{path.removesuffix('.py')}](../{path})"


def _figures() -> str:
    rows = [
        (
            f"[{section.name}](report/sections/{section.name}.py)",
            ", ".join(f"`{one.name}`" for one in section.pictures),
        )
        for section in SECTIONS
        if section.pictures
    ]
    table = _table(["section", "pictures"], rows)
    return f"Each picture of `figures/` and `sensitivity/figures/` belongs to one section of the report:\n\n{table}"


def _content(described: dict[str, Any]) -> str:
    content, rows = described["content"], described.get("rows")
    return f"{content}; over {rows}" if rows else content


def _columns(name: str) -> str:
    """The columns in order, a line each; those that mean what they mean everywhere by their name alone."""
    return "<br>".join(
        f"`{column}`" if _is_shared(name, column) else f"`{column}`: {_in_words(meaning)}"
        for column, meaning in TABLES[name].columns.items()
    )


def _is_shared(name: str, column: str) -> bool:
    listed = DESCRIBED["tables"][name]["columns"] or {}
    return column in DESCRIBED["common"] and column in listed and listed[column] is None


def _in_words(meaning: Meaning) -> str:
    """What a sidecar says of a column, within a line; with the levels where there are any."""
    described = meaning["Description"]
    levels = "; ".join(f"`{level}`: {words}" for level, words in meaning.get("Levels", {}).items())
    return f"{described}. {levels}" if levels else described


def _table(head: list[str], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    written = with_block(PAGE.read_text(encoding="utf-8"), manual_block())
    if "--write" in sys.argv[1:]:
        PAGE.write_text(written, encoding="utf-8")
    else:
        print(manual_block())
