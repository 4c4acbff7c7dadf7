"""Stage: results in, report.html, MLflow run and registered model out."""

import time
from typing import TYPE_CHECKING

from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking.environment import mlflow_environment
from pipelines.mlflow_tracking.summary import RunSummary
from pipelines.output_dir.made_with import made_with
from pipelines.output_dir.provenance import Provenance
from pipelines.output_dir.results import Results
from pipelines.output_dir.run import Run

if TYPE_CHECKING:
    from pipelines.mlflow_tracking.publication import Published


@mlflow_environment()
def run(run: Run, *, promote: bool = False, name: str | None = None, register: bool = True) -> "Published":
    """Write the report, then log the run and register the model; results already published stay one run.

    What is logged is what the stages were done with, whatever the recipe says.

    The model becomes the champion by the rule of `pipelines.mlflow_tracking.promotion`. `name` is the run's, by
    default the summary's title.

    Raises
    ------
    InputError
        There are no results yet, they were not made from each other or with one recipe, the MLflow store refuses, or
        promotion was asked for and is refused.
    """
    paths, progress = run.paths, run.progress
    if not paths.latents.is_file() or not paths.analysis.is_dir():
        raise InputError(
            f"{paths.folder} holds no results to publish. Run `adhd-cvae analyse {paths.folder}` first."
        )
    recipe = made_with(Provenance.open(paths), run.recipe)
    from pipelines.mlflow_tracking import publication
    from pipelines.report.citation import write_citation
    from pipelines.report.page import write_report
    from pipelines.report.summary import answers

    results = Results(paths.folder)
    with progress.bar("Writing the report") as tick:
        write_report(results, tick)
        write_citation(results)
    started, answer = time.monotonic(), tuple(filter(None, answers(results)))
    summary = RunSummary(results, recipe, answer)
    published = publication.log_results(summary, name or summary.title(), progress, register=register)
    Provenance.open(paths).note(
        published={
            "run_id": published.run_id,
            "run_name": published.run_name,
            "model": published.model,
            "seconds": round(time.monotonic() - started, 2),
        }
    )
    return publication.choose_champion(summary, published, promote=promote)
