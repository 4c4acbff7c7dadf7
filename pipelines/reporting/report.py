"""The self-contained page: reads an OUTPUT_DIR's tables and figures, writes ``report.html``."""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from adhd_cvae.errors import InputError
from adhd_cvae.files import atomic_path
from pipelines.reporting import brain_tables, cautions, cohort_tables, methods, narrative, report_tables
from pipelines.reporting.formats import ReportTable
from pipelines.reporting.gallery import PICTURES, Picture
from pipelines.reporting.report_tables import Column
from pipelines.reporting.results import Results
from pipelines.reporting.viewer import brain_viewer

_SIZE = re.compile(r'<svg\b[^>]*?\bviewBox="0 0 ([\d.]+) ([\d.]+)"')


@dataclass(frozen=True)
class EmbeddedPicture:
    """A picture with its bytes: nothing is fetched when the page opens."""

    picture: Picture
    source: str
    width: int
    height: int


@dataclass(frozen=True)
class Section:
    """A part of the page; one with neither pictures nor tables nor words is not shown.

    Attributes
    ----------
    name
        Anchor, and the name its pictures carry.
    words
        Paragraphs before the pictures.
    viewer
        Content of the brain viewer, where the section has one.
    """

    name: str
    title: str
    words: list[str]
    pictures: list[EmbeddedPicture]
    tables: list[ReportTable]
    viewer: str | None = None


def write_report(folder: Path) -> Path:
    """Write ``report.html`` from the files of an OUTPUT_DIR; a section without its files is left out.

    Parameters
    ----------
    folder
        The OUTPUT_DIR; the figures are made by :func:`pipelines.reporting.illustrate.draw_figures` beforehand.

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
        loader=PackageLoader("pipelines.reporting"),
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
        recipe=methods.public(results.setting("name", "")),
        version=methods.public(results.run.get("software", {}).get("adhd-cvae", "")),
        simulated=narrative.is_simulated(results),
        summary=narrative.summary(results),
        warnings=[methods.public(line) for line in cautions.warnings(results)],
        sections=sections,
        methods=methods.paragraph(results),
        references=[text for _, text in methods.used_references(results)],
        checklist=methods.checklist(results),
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


def _silhouette(results: Results) -> ReportTable | None:
    columns = (
        Column("n", "n", "count"),
        Column("silhouette", "silhouette"),
        Column("p_value", "p", "p"),
        Column("labels", "labels", "rounded"),
        Column("difference", "difference"),
        Column("difference_ci_low", "from"),
        Column("difference_ci_high", "to"),
        Column("note", "note", "text"),
    )
    caption = (
        "Silhouettes by variable; p by permuting labels, not corrected for the number of variables. Difference: "
        "salient minus background space, with its 95 % interval."
    )
    return report_tables.plain_table(results, "silhouette", "variable", "variable", columns, caption)


def _mixture_test(results: Results) -> ReportTable | None:
    columns = (
        Column("statistic", "2 × gain in log-likelihood", "tenths"),
        Column("p_value", "p", "p"),
        Column("bootstraps", "bootstrap samples", "count"),
        Column("n", "n", "count"),
        Column("note", "note", "text"),
    )
    caption = (
        "Two components against one; p by samples of the single Gaussian. Diagonal and spherical forms take "
        "correlation between units for a second component, and every form takes skew for one."
    )
    return report_tables.plain_table(results, "mixture_test", "covariance", "covariance", columns, caption)


def _probes(results: Results) -> ReportTable | None:
    columns = (
        Column("probe", "probe", "text"),
        Column("metric", "metric", "words"),
        Column("score", "score"),
        Column("null_mean", "chance: mean"),
        Column("null_p95", "chance: 95 %"),
        Column("p_value", "p", "p"),
        Column("note", "note", "text"),
    )
    caption = "What a probe reads out of each space, cross-validated; chance is by shuffling targets."
    return report_tables.plain_table(results, "probes", "target", "target", columns, caption)


MORE_WORDS: dict[str, Callable[[Results], list[str]]] = {
    "confounding": lambda results: [*narrative.confounding(results), *narrative.imbalance(results)],
    "geometry": narrative.clusters,
    "brain": narrative.voxels,
}
"""Anchor of a section to what says more about it from the tables."""

Maker = Callable[[Results], ReportTable | None]

SECTIONS: tuple[tuple[str, str, str, tuple[Maker, ...]], ...] = (
    (
        "cohort",
        "Who was analysed, and who was left out",
        "Patients are the target group, controls the background group. Held-out participants are kept from "
        "training to see whether what a model learnt holds for people it has not met.",
        (cohort_tables.groups_table, cohort_tables.exclusions_table),
    ),
    (
        "confounding",
        "What site, age and sex share with diagnosis",
        "",
        (cohort_tables.sites_table, cohort_tables.differences_table, cohort_tables.missing_table),
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
        (report_tables.recovery_table,),
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
        (report_tables.claims_table,),
    ),
    (
        "rsa",
        "What the spaces are related to",
        "If people who differ in a variable also lie apart in a space, the space carries something of that "
        "variable. Chance is what remains when participants are shuffled.",
        (report_tables.rsa_table,),
    ),
    (
        "geometry",
        "Clusters or a continuum",
        "",
        (report_tables.mixture_table, _mixture_test, _silhouette),
    ),
    (
        "leakage",
        "What leaks where",
        "A space should not tell what it is meant to leave out. Probes try to read it all the same.",
        (_probes, report_tables.independence_table),
    ),
    (
        "brain",
        "Where in the brain",
        "Change of gray-matter volume that the salient space stands for. Coordinates are MNI, in mm.",
        (brain_tables.peaks_table, brain_tables.components_table),
    ),
)
"""Anchor, title, opening words and tables of each section, in reading order."""
