"""The self-contained page: reads an OUTPUT_DIR's tables and figures, writes ``report.html``."""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from adhd_cvae.errors import InputError
from adhd_cvae.io import write_text
from pipelines.output_dir.results import Results
from pipelines.report import cautions, methods, reproducibility, summary
from pipelines.report.formatting import template
from pipelines.report.section import Picture, participants
from pipelines.report.sections import SECTIONS, brain, confounding

_PLAIN = " /:;,=+?!@$*()[]{}|"
"""Characters that stand for themselves in a data address and in an attribute."""
_SIZE = re.compile(r'<svg\b[^>]*?\bviewBox="0 0 ([\d.]+) ([\d.]+)"')


def write_report(
    results: Results, tick: Callable[[int, int, str], None] = lambda done, total, note: None
) -> Path:
    """Write ``report.html`` from the files of an OUTPUT_DIR; a section without its files is left out.

    Parameters
    ----------
    results
        The figures are made by :func:`pipelines.report.figures.plot_figures` beforehand.

    tick
        Called before each section.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        There is no cohort.tsv to report on.
    """
    if results.cohort is None:
        folder = results.paths.folder
        raise InputError(f"{folder} has no cohort.tsv with participants to report on. Run prepare first.")
    lead = _lead(results)
    sections = _sections(results, lead, tick)
    has_viewer = any(section["viewer"] for section in sections)
    script = template("viewer.js").render() if has_viewer else ""
    page = template("report.html.j2").render(
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() if script else "",
        recipe=reproducibility.public(results.setting("name", "")),
        version=reproducibility.public(results.run.get("software", {}).get("adhd-cvae", "")),
        simulated=summary.is_simulated(results),
        cohort=summary.cohort(results),
        answers=summary.answers(results),
        more=summary.more(results),
        lead=lead and _embedded(results, replace(lead, wide=False)),
        sizes=confounding.sizes_table(results),
        warnings=[reproducibility.public(line) for line in cautions.warnings(results)],
        sections=sections,
        methods=methods.paragraph(results),
        references=[text for _, text in methods.used_references(results)],
        checklist=reproducibility.tables(results),
    )
    write_text(page, results.paths.report)
    return results.paths.report


class Shown(NamedTuple):
    """A picture as the template has it: words, address of its content, width and height."""

    heading: str
    alt: str
    caption: str
    wide: bool
    source: str
    width: int
    height: int


def _lead(results: Results) -> Picture | None:
    """The picture of the first screen: the group map, else the model's own difference, else none."""
    pictures = {picture.name: picture for picture in brain.SECTION.pictures}
    found = (pictures[name] for name in ("group_test", "effect_map"))
    return next((one for one in found if (results.paths.folder / one.file).is_file()), None)


def _sections(
    results: Results, lead: Picture | None, tick: Callable[[int, int, str], None]
) -> list[dict[str, Any]]:
    """What the template shows of each section that finds its files; the first screen's picture is shown there alone."""
    shown = []
    for number, section in enumerate(SECTIONS):
        tick(number, len(SECTIONS), section.title)
        others = [picture for picture in section.pictures if picture != lead]
        pictures = [found for picture in others if (found := _embedded(results, picture))]
        tables = [table for make in section.tables if (table := make(results)) is not None]
        if section.of_codes and not results.is_out_of_fold:
            tables = [replace(table, caption=f"In sample or unknown. {table.caption}") for table in tables]
        if pictures or tables:
            shown.append(
                {
                    "name": section.name,
                    "title": section.title,
                    "words": [
                        *([section.words] if section.words else []),
                        *(section.sentences(results) or []),
                    ],
                    "pictures": pictures,
                    "tables": tables,
                    "viewer": section.viewer(results),
                }
            )
    return shown


def _embedded(results: Results, picture: Picture) -> Shown | None:
    """A picture with its file as a data address, and n at the end of its caption; None where it was not plotted."""
    path = results.paths.folder / picture.file
    if not path.is_file():
        return None
    source = data_address(path)
    size = _SIZE.search(path.read_text(encoding="utf-8")[:4000])
    width, height = (round(float(side)) for side in size.groups()) if size else (360, 240)
    caption = f"{picture.caption} {participants(results, picture.of)}".strip()
    return Shown(picture.heading, picture.alt, caption, picture.wide, source, width, height)


def data_address(path: Path) -> str:
    """A picture as the address of an image that is part of a page."""
    # Percent-encoded: base64 would take a third more, and its own images are base64 already.
    content = " ".join(path.read_text(encoding="utf-8").split())
    return f"data:image/svg+xml,{quote(content, safe=_PLAIN)}"
