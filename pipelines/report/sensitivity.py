"""After `sensitivity`: its pictures, the page of the cohort where there is one, and words for a terminal."""

from pipelines.output_dir.results import Results
from pipelines.report.figures import plot_figures
from pipelines.report.page import write_report
from pipelines.report.sections.sensitivity import paragraphs


def show(results: Results) -> list[str]:
    """Plot ``sensitivity/figures``, write an existing ``report.html`` again, and return the paragraphs of its section.

    Parameters
    ----------
    results
        Opened after the tables of ``sensitivity/`` were written.
    """
    paths = results.paths
    plot_figures(results, folder=paths.sensitivity_figures.relative_to(paths.folder).as_posix())
    if paths.report.is_file():
        write_report(results)
    return paragraphs(results)
