"""The group level: every stage, one after the other."""

from typing import TYPE_CHECKING

from adhd_cvae.errors import InputError
from adhd_cvae.training.device import choose_device
from pipelines.mlflow_tracking.environment import check_store
from pipelines.output_dir.paths import BidsInput
from pipelines.output_dir.provenance import Provenance
from pipelines.output_dir.run import Run
from pipelines.stages import analyse, embed, prepare, publish, train
from pipelines.workflows import seeds as ensemble

if TYPE_CHECKING:
    from pipelines.mlflow_tracking.publication import Published


def run(
    run: Run, source: BidsInput, *, live: bool = False, seeds: int = 1, cluster: bool = False
) -> "Published":
    """Prepare, train, embed, analyse and publish; each stage whose results stand is passed over.

    With several `seeds`, the same again for each, on a `cluster` where there is one, and their average
    (`pipelines.workflows.seeds`).
    """
    if "participant" in Provenance.open(run.paths).stages:
        raise InputError(
            f"{run.paths.folder} holds results of the participant level. Choose another OUTPUT_DIR for the group."
        )
    choose_device(run.recipe.training.device)  # before hours of work
    check_store(run.paths.folder)
    prepare.run(run, source)
    train.run(run, live=live)
    embed.run(run)
    analyse.run(run)
    published = publish.run(run)
    if seeds > 1:
        together = ensemble.run(run, published, seeds=seeds, live=live, cluster=cluster)
        place = run.paths.ensemble.folder
        run.progress.line(f"Average of {seeds} seeds: {place}; MLflow run: {together.run_name}")
    return published
