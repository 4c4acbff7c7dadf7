"""The registered reference: maps in, how much of each it explains out. MLflow runs this file's copy inside the model.

It may import `adhd_cvae` (carried along as code) and nothing else of this project.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class HealthyAnatomy(PythonModel):
    """Says how well healthy anatomy describes maps; `reference` holds it."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the arrays and, beside them, from what they were learnt."""
        from adhd_cvae.config import ImageConfig
        from adhd_cvae.models.reference_file import load_reference

        self.reference, self.provenance = load_reference(Path(context.artifacts["reference_json"]).parent)
        self.image = ImageConfig(**self.provenance["image"])

    def predict(  # pyright: ignore[reportIncompatibleMethodOverride] (MLflow's own returns nothing)
        self,
        context: PythonModelContext | None,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Say of one map a row, around the mean, which share of its variance the axes hold: `explained`.

        Parameters
        ----------
        model_input
            Column `image`: path of a gray-matter map in MNI space; or `array`: a map on the reference's grid.
        """
        rows = zip(model_input.index, model_input.to_dict("records"), strict=True)
        explained = [self._explained(number, row) for number, row in rows]
        return pd.DataFrame({"explained": np.array(explained, float)}, index=model_input.index)

    def _explained(self, number: Any, row: dict[str, Any]) -> float:
        from adhd_cvae.errors import InputError
        from adhd_cvae.images.nifti import check_array, load_map

        path, array = row.get("image"), row.get("array")
        if array is not None and not np.isscalar(array):
            values = check_array(np.asarray(array, np.float32), self.image, f"the array of row {number}")
        elif isinstance(path, str):
            values = load_map(Path(path), self.image)
        else:
            raise InputError(
                f"row {number} has neither `image`, the path of a map, nor `array`, its values on the grid."
            )
        return self.reference.explained_of(values.reshape(-1))


set_model(HealthyAnatomy())
