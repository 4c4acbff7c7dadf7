"""The group level: every stage, one after the other."""

from adhd_cvae.config import Recipe
from pipelines import analyse, embed, prepare, publish, train
from pipelines.paths import BidsInput, OutputPaths
from pipelines.progress import Progress
from pipelines.publish import Published


def run(
    paths: OutputPaths, recipe: Recipe, source: BidsInput, progress: Progress, overwrite: bool = False
) -> Published:
    """Prepare, train, embed, analyse and publish; each stage whose results stand is passed over."""
    prepare.run(paths, recipe, source, progress, overwrite)
    train.run(paths, recipe, progress, overwrite)
    embed.run(paths, recipe, progress, overwrite)
    analyse.run(paths, recipe, progress, overwrite)
    return publish.run(paths, recipe, progress, overwrite)
