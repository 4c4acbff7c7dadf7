"""Stage: runs in, what differs between them out, for the terminal and as one page."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking.environment import mlflow_environment
from pipelines.output_dir.ownership import refuse_raw_dataset

_NARROWEST = 80


@mlflow_environment()
def run(asked: Sequence[str], output: Path | None) -> str:
    """Compare runs; return the lines a terminal shows, and write the page where a file is named.

    Raises
    ------
    InputError
        One of them is not found or has no results, or the file is there.
    """
    from pipelines.mlflow_tracking.found_runs import found_runs
    from pipelines.report.comparison import MOST, comparison_lines, write_comparison

    if output is not None:
        _refuse(output)
    if not 1 < len(asked) <= MOST:
        raise InputError(f"{len(asked)} runs are to be compared; expected 2 to {MOST}.")
    with found_runs(asked) as runs:
        lines = comparison_lines(runs, max(shutil.get_terminal_size().columns, _NARROWEST))
        if output is not None:
            write_comparison(runs, output)
            lines += ["", f"Page             {output}"]
    return "\n".join(lines)


def _refuse(output: Path) -> None:
    """Nothing is replaced, and nothing written into a raw dataset."""
    if os.path.lexists(output):
        raise InputError(f"{output} is there already, and nothing is replaced. Name another --output FILE.")
    if not output.parent.is_dir():
        raise InputError(
            f"there is no folder {output.parent} for {output.name}. Make it, or name another FILE."
        )
    refuse_raw_dataset(output.parent.resolve(), None)
