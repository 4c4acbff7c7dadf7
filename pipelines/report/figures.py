"""Every figure of the report, plotted from the tables."""

from collections.abc import Callable
from pathlib import Path

from adhd_cvae.figures.style import save_figure
from adhd_cvae.io import remove
from pipelines.output_dir.results import Results
from pipelines.report.sections import SECTIONS


def plot_figures(
    results: Results, progress: Callable[[int, int], None] | None = None, folder: str = "figures"
) -> list[Path]:
    """Write ``figures/*.svg`` from the tables and ``decoded.npz``; what cannot be plotted is left out.

    Parameters
    ----------
    results
        A figure of an earlier call whose table is gone is removed.
    progress
        Called with (done, of how many).
    folder
        Whose pictures, below OUTPUT_DIR: ``sensitivity/`` has its own.

    Returns
    -------
    list of Path
        The files written, in the order of the report.
    """
    pictures = [picture for section in SECTIONS for picture in section.pictures]
    pictures = [picture for picture in pictures if picture.folder == folder]
    written = []
    for done, picture in enumerate(pictures, start=1):
        path = results.paths.folder / picture.file
        figure = picture.plot(results)
        if figure is None:
            remove(path)
        else:
            save_figure(figure, path)
            written.append(path)
        if progress is not None:
            progress(done, len(pictures))
    return written
