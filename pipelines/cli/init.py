"""The verb `init`."""

from pipelines.cli import options as opt
from pipelines.cli.groups import DatasetOptions, grouped
from pipelines.progress import for_this_terminal


@grouped
def init(dataset: DatasetOptions, place: opt.NewRecipe) -> None:
    """Look at a dataset and write a recipe for it. Each guess stands there with its reason; nothing is asked."""
    from pipelines.stages import init as stage

    print(stage.run(dataset.source, place, for_this_terminal()))
