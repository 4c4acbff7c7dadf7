"""The self-contained page: reads an OUTPUT_DIR's tables and figures, writes ``report.html``."""

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from adhd_cvae.errors import InputError
from adhd_cvae.io import write_text
from pipelines.output_dir.results import Results
from pipelines.report import cautions, methods, reproducibility, summary
from pipelines.report.formatting import template
from pipelines.report.section import Picture
from pipelines.report.sections import SECTIONS

_SIZE = re.compile(r'<svg\b[^>]*?\bviewBox="0 0 ([\d.]+) ([\d.]+)"')


def write_report(results: Results) -> Path:
    """Write ``report.html`` from the files of an OUTPUT_DIR; a section without its files is left out.

    Parameters
    ----------
    results
        The figures are made by :func:`pipelines.report.figures.plot_figures` beforehand.

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
    sections = _sections(results)
    has_viewer = any(section["viewer"] for section in sections)
    script = template("viewer.js").render() if has_viewer else ""
    page = template("report.html.j2").render(
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() if script else "",
        recipe=reproducibility.public(results.setting("name", "")),
        version=reproducibility.public(results.run.get("software", {}).get("adhd-cvae", "")),
        simulated=summary.is_simulated(results),
        summary=summary.summary(results),
        warnings=[reproducibility.public(line) for line in cautions.warnings(results)],
        sections=sections,
        methods=methods.paragraph(results),
        references=[text for _, text in methods.used_references(results)],
        checklist=reproducibility.tables(results),
    )
    write_text(page, results.paths.report)
    return results.paths.report


def _sections(results: Results) -> list[dict[str, Any]]:
    """What the template shows of each section that finds its files."""
    shown = []
    for section in SECTIONS:
        pictures = [found for picture in section.pictures if (found := _embedded(results, picture))]
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


def _embedded(results: Results, picture: Picture) -> tuple[Picture, str, int, int] | None:
    """A picture, its file as a data address, width and height; None where it was not plotted."""
    path = results.paths.folder / picture.file
    if not path.is_file():
        return None
    content = path.read_bytes()
    size = _SIZE.search(content[:4000].decode("utf-8", errors="replace"))
    width, height = (round(float(side)) for side in size.groups()) if size else (360, 240)
    return picture, f"data:image/svg+xml;base64,{base64.b64encode(content).decode('ascii')}", width, height
