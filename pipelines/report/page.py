"""The self-contained page: reads an OUTPUT_DIR's tables and figures, writes ``report.html``."""

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from adhd_cvae.errors import InputError
from adhd_cvae.io import atomic_path
from pipelines.output_dir.results import Results
from pipelines.report import cautions, methods, reproducibility, summary
from pipelines.report.formatting import ReportTable
from pipelines.report.sections import brain, claims, clusters, cohort, confounding, leakage, recovery, rsa
from pipelines.report.sections.clusters import _mixture_test, _silhouette
from pipelines.report.sections.figure import PICTURES, EmbeddedPicture, Picture, Section
from pipelines.report.sections.leakage import _probes
from pipelines.report.viewer import brain_viewer

_SIZE = re.compile(r'<svg\b[^>]*?\bviewBox="0 0 ([\d.]+) ([\d.]+)"')


def write_report(folder: Path) -> Path:
    """Write ``report.html`` from the files of an OUTPUT_DIR; a section without its files is left out.

    Parameters
    ----------
    folder
        The OUTPUT_DIR; the figures are made by :func:`pipelines.report.figures.draw_figures` beforehand.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        There is no cohort.tsv to report on.
    """
    results = Results(folder)
    if results.cohort is None:
        raise InputError(f"{folder} has no cohort.tsv with participants to report on. Run prepare first.")
    environment = Environment(
        loader=PackageLoader("pipelines.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = list(_sections(results))
    has_viewer = any(section.viewer for section in sections)
    script = environment.get_template("viewer.js").render() if has_viewer else ""
    page = environment.get_template("report.html.j2").render(
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
    with atomic_path(results.paths.report) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return results.paths.report


def _sections(results: Results) -> list[Section]:
    sections = []
    for name, title, words, makers in SECTIONS:
        pictures = [
            embedded
            for picture in PICTURES
            if picture.section == name and (embedded := embed(results, picture))
        ]
        tables = [table for make in makers if (table := make(results)) is not None]
        if pictures or tables:
            said = [words] if words else []
            said += MORE_WORDS[name](results) if name in MORE_WORDS else []
            viewer = brain_viewer(results) if name == "brain" else None
            sections.append(Section(name, title, said, pictures, tables, viewer))
    return sections


def embed(results: Results, picture: Picture) -> EmbeddedPicture | None:
    """Read a figure's file into a data address; None where it was not drawn."""
    path = results.paths.figures / picture.file
    if not path.is_file():
        return None
    content = path.read_bytes()
    size = _SIZE.search(content[:4000].decode("utf-8", errors="replace"))
    width, height = (round(float(side)) for side in size.groups()) if size else (360, 240)
    source = f"data:image/svg+xml;base64,{base64.b64encode(content).decode('ascii')}"
    return EmbeddedPicture(picture, source, width, height)


MORE_WORDS: dict[str, Callable[[Results], list[str]]] = {
    "confounding": lambda results: [*confounding.confounding(results), *confounding.imbalance(results)],
    "geometry": clusters.clusters,
    "brain": brain.voxels,
}
"""Anchor of a section to what says more about it from the tables."""
Maker = Callable[[Results], ReportTable | None]
SECTIONS: tuple[tuple[str, str, str, tuple[Maker, ...]], ...] = (
    (
        "cohort",
        "Who was analysed, and who was left out",
        "Patients are the target group, controls the background group. Held-out participants are kept from "
        "training to see whether what a model learnt holds for people it has not met.",
        (cohort.groups_table, cohort.exclusions_table),
    ),
    (
        "confounding",
        "What site, age and sex share with diagnosis",
        "",
        (confounding.sites_table, confounding.differences_table, confounding.missing_table),
    ),
    (
        "training",
        "Training",
        "The losses tell whether a model had settled and whether it does as well on people held out.",
        (),
    ),
    (
        "reconstructions",
        "What the model sees",
        "Each map is decoded in full, and again without its salient part: the difference between the two "
        "is all that the model attributes to what is particular to patients.",
        (),
    ),
    (
        "recovery",
        "Does it find what was planted?",
        "Severities known to the simulation alone are predicted from each space, within patients.",
        (recovery.recovery_table,),
    ),
    (
        "latents",
        "The latent spaces",
        "The salient space s should hold variation of patients only; the background space z what patients "
        "and controls share; the plain VAE knows no such distinction.",
        (),
    ),
    (
        "claims",
        "The study's claims, judged by this cohort",
        "Each claim is held against the tests below, with one rule for all.",
        (claims.claims_table,),
    ),
    (
        "rsa",
        "What the spaces are related to",
        "If people who differ in a variable also lie apart in a space, the space carries something of that "
        "variable. Chance is what remains when participants are shuffled.",
        (rsa.rsa_table,),
    ),
    (
        "geometry",
        "Clusters or a continuum",
        "",
        (clusters.mixture_table, _mixture_test, _silhouette),
    ),
    (
        "leakage",
        "What leaks where",
        "A space should not tell what it is meant to leave out. Probes try to read it all the same.",
        (_probes, leakage.independence_table),
    ),
    (
        "brain",
        "Where in the brain",
        "Change of gray-matter volume that the salient space stands for. Coordinates are MNI, in mm.",
        (brain.peaks_table, brain.components_table),
    ),
)
"""Anchor, title, opening words and tables of each section, in reading order."""
