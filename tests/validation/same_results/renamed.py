"""Names that CHANGELOG.md says were changed: the tables below its headings ``### Renamed``."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

HEADING = "### Renamed"
COLUMNS = ("file", "what", "before", "after")
_VALUE_OF = re.compile(r"value of (\S+)")


@dataclass(frozen=True)
class Renaming:
    """One row of the table.

    Attributes
    ----------
    file
        Where it holds: path below OUTPUT_DIR as it was before, ``*`` standing for anything (``analysis/*.tsv``).
    what
        ``column`` (of a table, or an array of a ``.npz``), ``value`` (of whole cells), ``value of COLUMN`` (of that
        column, named as before, alone) or ``file``.
    before, after
        The name it had and the name it has.
    """

    file: str
    what: str
    before: str
    after: str

    @property
    def column(self) -> str | None:
        """The column whose values are meant; None for those of every column."""
        found = _VALUE_OF.fullmatch(self.what)
        return found[1] if found else None

    def concerns(self, file: str) -> bool:
        """Whether it holds in a file, named as before."""
        return fnmatchcase(file, self.file)


def parse_renamings(changelog: str) -> tuple[Renaming, ...]:
    """Read every row below every heading; no heading or no table means that nothing was renamed.

    Parameters
    ----------
    changelog
        The text of CHANGELOG.md.

    Raises
    ------
    ValueError
        A table has other columns, a row is not of their number, or it says something else than a renaming.
    """
    return tuple(renaming for lines in _tables(changelog) for renaming in _rows(lines))


def new_names(renamings: Iterable[Renaming], file: str, what: str) -> dict[str, str]:
    """Map old names of a kind to new ones, in one file.

    Raises
    ------
    ValueError
        Two rows give one name different new ones.
    """
    found: dict[str, str] = {}
    for renaming in (one for one in renamings if one.what == what and one.concerns(file)):
        after = found.setdefault(renaming.before, renaming.after)
        if after != renaming.after:
            raise ValueError(
                f"{what} {renaming.before} of {file} is renamed to {after} and to {renaming.after}; "
                "expected one of them."
            )
    return found


def _tables(changelog: str) -> Iterator[list[str]]:
    """Lines of the table below each heading, up to the next heading."""
    within: list[str] | None = None
    for line in changelog.splitlines():
        if re.match(r"#{1,6} ", line):
            if within:
                yield within
            within = [] if line.strip() == HEADING else None
        elif within is not None and line.lstrip().startswith("|"):
            within.append(line)
    if within:
        yield within


def _rows(lines: list[str]) -> Iterator[Renaming]:
    header, *rest = (_cells(line) for line in lines)
    if tuple(header) != COLUMNS:
        raise ValueError(f"the table of renamings has the columns {header}; expected {list(COLUMNS)}.")
    for cells in rest:
        if all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            continue
        if len(cells) != len(COLUMNS) or not all(cells):
            raise ValueError(
                f"a row of the table of renamings is {cells}; expected {len(COLUMNS)} filled cells."
            )
        renaming = Renaming(*cells)
        if renaming.what not in ("column", "value", "file") and renaming.column is None:
            raise ValueError(
                f"'{renaming.what}' was renamed; expected column, value, value of COLUMN or file."
            )
        yield renaming


def _cells(line: str) -> list[str]:
    r"""Cells of a row without the backticks around them; ``\|`` is a bar."""
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.replace("\\|", "|").strip().strip("`") for cell in re.split(r"(?<!\\)\|", inner)]
