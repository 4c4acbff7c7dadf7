"""The group level: every stage, one after the other."""

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.provenance import Provenance
from pipelines.progress import Progress
from pipelines.stages import analyse, embed, prepare, publish, train
from pipelines.stages.publish import Published
from pipelines.workflows import seeds as ensemble


def run(
    paths: OutputPaths,
    recipe: Recipe,
    source: BidsInput,
    progress: Progress,
    overwrite: bool = False,
    live: bool = False,
    seeds: int = 1,
    cluster: bool = False,
) -> Published:
    """Prepare, train, embed, analyse and publish; each stage whose results stand is passed over.

    With several `seeds`, the same again for each, on a `cluster` where there is one, and their average
    (`pipelines.workflows.seeds`).
    """
    if "participant" in Provenance.open(paths).stages:
        raise InputError(
            f"{paths.folder} holds results of the participant level. Choose another OUTPUT_DIR for the group."
        )
    prepare.run(paths, recipe, source, progress, overwrite)
    train.run(paths, recipe, progress, overwrite, live)
    embed.run(paths, recipe, progress, overwrite)
    analyse.run(paths, recipe, progress, overwrite)
    published = publish.run(paths, recipe, progress, overwrite)
    if seeds > 1:
        together = ensemble.run(paths, recipe, seeds, published, progress, overwrite, live, cluster)
        progress.line(f"Average of {seeds} seeds: {paths.ensemble.folder}; MLflow run: {together.run_name}")
    return published
