"""Every figure of the report, drawn from the tables."""

from collections.abc import Callable
from pathlib import Path

from adhd_cvae.figures.style import save_figure
from pipelines.output_dir.results import Results
from pipelines.report.sections.cohort import DRAWERS
from pipelines.report.sections.figure import PICTURES


def draw_figures(folder: Path, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Write ``figures/*.svg`` from the tables and ``decoded.npz``; what cannot be drawn is left out.

    Parameters
    ----------
    folder
        The OUTPUT_DIR. A figure of an earlier call whose table is gone is removed.
    progress
        Called with (done, of how many).

    Returns
    -------
    list of Path
        The files written, in the order of the report.
    """
    results = Results(folder)
    written = []
    for done, picture in enumerate(PICTURES, start=1):
        path = results.paths.figures / picture.file
        figure = DRAWERS[picture.name](results)
        if figure is None:
            path.unlink(missing_ok=True)
        else:
            save_figure(figure, path)
            written.append(path)
        if progress is not None:
            progress(done, len(PICTURES))
    return written
