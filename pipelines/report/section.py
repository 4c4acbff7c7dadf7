"""What a section of the page is made of: words, tables and pictures, each with what makes it from the results."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pandas as pd
import yaml
from matplotlib.figure import Figure

from adhd_cvae.names import ALPHA, GROUP_LABELS, rows_of, space_label, spaces_in
from pipelines.output_dir.results import Results
from pipelines.report import formatting
from pipelines.report.formatting import ReportTable, counted

Made = TypeVar("Made")
Plotter = Callable[[Results], Figure | None]
"""Plots a picture from the files of an OUTPUT_DIR; None where they are absent."""
ADHD200_RECIPES = ("adhd200", "as-published")
ADHD200_COLUMNS = ("adhd_measure", "adhd_index", "inattentive", "hyper_impulsive")
"""Columns that a cohort has with values where its phenotypes are ADHD-200's."""


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes
    ----------
    name
        File name, without its ending.
    title
        Heading of its caption.
    alt
        What it shows, for a reader who cannot see it.
    caption
        How to read it.
    plot
        What plots it.
    wide
        Whether it takes the page's full width on a desktop.
    """

    name: str
    title: str
    alt: str
    caption: str
    plot: Plotter
    wide: bool = False
    of: str | tuple[str, str, str] = ""
    """Whom it shows, for :func:`participants`."""
    folder: str = "figures"
    """Where it lies below OUTPUT_DIR."""

    @property
    def heading(self) -> str:
        """The title, ended."""
        return self.title if self.title.endswith("?") else f"{self.title}."

    @property
    def file(self) -> str:
        """Its path below OUTPUT_DIR."""
        return f"{self.folder}/{self.name}.svg"


@dataclass(frozen=True)
class Section:
    """A part of the page, with everything it shows; one with neither pictures nor tables is left out.

    Attributes
    ----------
    name
        Anchor.
    words
        Opening paragraph.
    sentences
        What says more from the tables, one paragraph an entry.
    viewer
        Content of the brain viewer, where the section has one.
    """

    name: str
    title: str
    sentences: Callable[[Results], list[str] | None]
    tables: tuple[Callable[[Results], ReportTable | None], ...]
    pictures: tuple[Picture, ...]
    viewer: Callable[[Results], str | None]
    words: str = ""
    of_codes: bool = False
    """Whether it says what codes are about: its tables say where these are in sample or unknown."""


def read_section(
    module: str,
    plotters: Mapping[str, Plotter] | None = None,
    *,
    sentences: Callable[[Results], list[str] | None] = lambda results: None,
    tables: tuple[Callable[[Results], ReportTable | None], ...] = (),
    viewer: Callable[[Results], str | None] = lambda results: None,
) -> Section:
    """Section with the words that stand beside its module, in the YAML file of the same name.

    Parameters
    ----------
    module
        The module's file.
    plotters
        Name of each picture to what plots it, in the order of the page.
    """
    words = words_of(module)
    texts = words.get("pictures", {})
    pictures = tuple(Picture(name, plot=plot, **texts[name]) for name, plot in (plotters or {}).items())
    heads = {name: words[name] for name in ("name", "title", "words", "of_codes") if name in words}
    return Section(**heads, sentences=sentences, tables=tables, pictures=pictures, viewer=viewer)


@cache
def words_of(module: str) -> dict[str, Any]:
    """Everything in the YAML file of the same name as a module's file, with the level of significance filled in."""
    written = Path(module).with_suffix(".yaml").read_text(encoding="utf-8")
    filled = written.replace("{alpha}", f"{ALPHA:g}").replace("{alpha_percent}", f"{100 * ALPHA:g}")
    return yaml.safe_load(filled)


def sentences_of(module: str) -> Callable[..., str]:
    """Give what fills the gaps of one of the module's `sentences`: ``sentence("older", by="0.3")``."""
    return lambda name, /, **gaps: words_of(module)["sentences"][name].format(**gaps)


def is_of_adhd200(results: Results) -> bool:
    """Whether the recipe or the data are ADHD-200's, so that the study's words and claims have a place."""
    if results.setting("name") in ADHD200_RECIPES:
        return True
    return results.cohort is not None and any(holds(results.cohort, name) for name in ADHD200_COLUMNS)


def participants(results: Results, of: str | Sequence[str]) -> str:
    """How many participants a picture shows, as a sentence; empty where that is not known.

    Parameters
    ----------
    of
        ``everybody``, ``patients``, or a table of ``analysis/`` with `n`; of three words the table, a column, and the
        value that a row has there.
    """
    patients, controls = (len(results.members(group=group)) for group in GROUP_LABELS)
    if of == "everybody":
        return f"n = {patients + controls} ({counted(patients, 'patient')}, {counted(controls, 'control')})."
    if of == "patients" or not of:
        return f"n = {counted(patients, 'patient')}." if of else ""
    name, *where = [of] if isinstance(of, str) else of
    table = results.analysis(name)
    if table is None or "n" not in table:
        return ""
    rows = rows_of(table if not where else pd.DataFrame(table[table[where[0]] == where[1]]))
    known = [int(row["n"]) for row in rows if pd.notna(row["n"])] or [0]
    least, most = min(known), max(known)
    return "" if not most else f"n = {most}." if least == most else f"n = {least} to {most}, by row."


def from_table(
    name: str,
) -> Callable[[Callable[[Results, pd.DataFrame], Made]], Callable[[Results], Made | None]]:
    """Decorator: what is made of ``analysis/<name>.tsv`` gets it as second argument, and is None where it is absent."""

    def decorate(make: Callable[[Results, pd.DataFrame], Made]) -> Callable[[Results], Made | None]:
        def maker(results: Results) -> Made | None:
            table = results.analysis(name)
            return None if table is None else make(results, table)

        return maker

    return decorate


def plot_variables(name: str, plot: Callable[..., Figure]) -> Plotter:
    """Plot ``analysis/<name>.tsv``, whose rows carry a variable (or target), with the words for each."""

    @from_table(name)
    def plotter(results: Results, table: pd.DataFrame) -> Figure:
        column = "variable" if "variable" in table else "target"
        return plot(table, {name: results.label(str(name)) for name in table[column].unique()})

    return plotter


def holds(table: pd.DataFrame, column: str) -> bool:
    """Whether a table has this column, with a value in it."""
    return column in table and bool(table[column].notna().any())


class Column(NamedTuple):
    """How a column of a result table is headed, and which function of `formatting` writes it."""

    name: str
    heading: str
    form: str

    def write(self, value: Any) -> str:
        """A value as a reader sees it."""
        return getattr(formatting, self.form)(value)


class TableWords(NamedTuple):
    """The words of one of a module's `tables`: the caption, with gaps where it has any, the columns, and the title."""

    caption: str
    columns: tuple[Column, ...]
    title: str

    @classmethod
    def of(cls, module: str, name: str) -> "TableWords":
        """Those of the table `name` in the YAML file beside a module."""
        words = words_of(module)["tables"][name]
        columns = tuple(Column(name, *how) for name, how in words.get("columns", {}).items())
        return cls(words["caption"], columns, words["title"])

    def without(self, names: Collection[str]) -> "TableWords":
        """The same without these columns."""
        return self._replace(columns=tuple(column for column in self.columns if column.name not in names))

    def cells(self, row: Mapping[str, Any]) -> list[str]:
        """Text of the columns of one row."""
        return [column.write(row[column.name]) for column in self.columns]

    def shown(self, blocks: Mapping[str, list[list[str]]], *first: str, **gaps: str) -> ReportTable:
        """Make the table of its rows; `first` heads columns before these."""
        headings = (*first, *(column.heading for column in self.columns))
        in_words = [
            column.heading
            for column in self.columns
            if column.form in ("text", "words", "rounded", "members")
        ]
        prose = tuple(heading for heading in in_words if heading != headings[0])
        return ReportTable(self.caption.format(**gaps), headings, blocks, prose=prose, title=self.title)


def result_table(module: str, name: str, first: str) -> Callable[[Results], ReportTable | None]:
    """Show ``analysis/<name>.tsv`` in blocks by space, headed by the column `first`; columns it lacks are left out."""

    @from_table(name)
    def maker(results: Results, table: pd.DataFrame) -> ReportTable:
        words = TableWords.of(module, name)
        words = words.without([column.name for column in words.columns if not holds(table, column.name)])
        blocks = {
            space_label(space): [
                [results.label(str(row[first])), *words.cells(row)]
                for row in rows_of(table.loc[table["space"] == space])
            ]
            for space in spaces_in(table)
        }
        return words.shown(blocks, first)

    return maker
