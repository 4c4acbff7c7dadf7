"""What every stage is called with: where the results are, with which settings, and who is shown how far it is."""

from dataclasses import dataclass, field

from adhd_cvae.config import Recipe
from pipelines.output_dir.paths import OutputPaths
from pipelines.progress import Progress


@dataclass(frozen=True)
class Run:
    """One call of a stage or of several.

    Parameters
    ----------
    paths
        The OUTPUT_DIR.
    recipe
        Every setting, resolved.
    progress
        Shows how far the work is.
    overwrite
        Whether results made with other settings may be replaced.
    """

    paths: OutputPaths
    recipe: Recipe
    progress: Progress
    overwrite: bool = field(default=False, kw_only=True)
