"""The verb `compare`."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import file


def compare(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN RUN ...", help="Ids or names of MLflow runs, or OUTPUT_DIRs.")
    ],
    output: Annotated[Path | None, file("--output", "Write the page there; it must not exist.")] = None,
) -> None:
    """Runs side by side. What differs in settings, headline numbers, maps."""
    from pipelines.stages import compare as stage

    print(stage.run(runs, output))
