"""What every stage is called with: where the results are, with which settings, and who is shown how far it is."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json
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

    def lent(self) -> NDArray | None:
        """Open the maps (m, x, y, z) of datasets that lend; None where none does, or no step shall see them.

        Raises
        ------
        InputError
            `prepare` left other ones, or none.
        """
        if not (self.recipe.training.lent_controls and self.recipe.cohort.background_from):
            return None
        noted = read_json(self.paths.borrowed / "reference.json").get("borrowed", [])
        if not (count := sum(one.get("lent", 0) for one in noted)):
            return None
        maps = np.load(self.paths.lent, mmap_mode="r") if self.paths.lent.is_file() else np.zeros(0)
        if len(maps) != count:
            raise InputError(
                f"{self.paths.lent} holds {len(maps)} maps, expected {count}. "
                f"Run `adhd-cvae prepare BIDS_DIR {self.paths.folder}` again."
            )
        return maps


def of_borrowed(reference: Reference | None) -> dict[str, str]:
    """Name it among a stage's inputs."""
    return {} if reference is None else {"borrowed background": reference.checksum}
