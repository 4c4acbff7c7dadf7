"""What every stage is called with: where the results are, with which settings, and who is shown how far it is."""

from dataclasses import dataclass, field

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.models.reference_background import Reference
from adhd_cvae.models.reference_file import load_reference
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

    def borrowed(self) -> Reference | None:
        """Read the healthy anatomy that the recipe borrows, as `prepare` left it; None where it borrows none.

        Raises
        ------
        InputError
            It is missing or damaged.
        """
        if not self.recipe.cohort.background_from:
            return None
        try:
            return load_reference(self.paths.borrowed)[0]
        except InputError as error:
            raise InputError(f"{error} Run `adhd-cvae prepare BIDS_DIR {self.paths.folder}` again.") from None


def of_borrowed(reference: Reference | None) -> dict[str, str]:
    """Name it among a stage's inputs."""
    return {} if reference is None else {"borrowed background": reference.checksum}
