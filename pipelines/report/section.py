"""What a section of the page is made of: words, tables and pictures, each with what makes it from the results."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import yaml
from matplotlib.figure import Figure

from adhd_cvae.names import rows_of, space_label, spaces_in
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, number, rounded, text, words

Made = TypeVar("Made")
Plotter = Callable[[Results], Figure | None]
"""Plots a picture from the files of an OUTPUT_DIR; None where they are absent."""


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes
    ----------
    name
        File name under ``figures/``, without its ending.
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

    @property
    def heading(self) -> str:
        """The title, ended."""
        return self.title if self.title.endswith("?") else f"{self.title}."

    @property
    def file(self) -> str:
        """File name with its ending."""
        return f"{self.name}.svg"


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
    words = yaml.safe_load(Path(module).with_suffix(".yaml").read_text(encoding="utf-8"))
    texts = words.pop("pictures", {})
    pictures = tuple(Picture(name, plot=plot, **texts.pop(name)) for name, plot in (plotters or {}).items())
    return Section(**words, sentences=sentences, tables=tables, pictures=pictures, viewer=viewer)


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


@dataclass(frozen=True)
class Column:
    """How a column of a result table is headed and written."""

    name: str
    heading: str
    write: Callable[[Any], str] = number


def result_table(
    name: str, first: str, columns: tuple[Column, ...], caption: str
) -> Callable[[Results], ReportTable | None]:
    """Show ``analysis/<name>.tsv`` in blocks by space, headed by the column `first`; columns it lacks are left out."""

    @from_table(name)
    def maker(results: Results, table: pd.DataFrame) -> ReportTable:
        shown = [column for column in columns if holds(table, column.name)]
        blocks = {
            space_label(space): [
                [results.label(str(row[first])), *(column.write(row[column.name]) for column in shown)]
                for row in rows_of(table.loc[table["space"] == space])
            ]
            for space in spaces_in(table)
        }
        prose = tuple(column.heading for column in shown if column.write in (text, words, rounded))
        return ReportTable(caption, (first, *(column.heading for column in shown)), blocks, prose=prose)

    return maker
