"""The registered reference: maps in, how much of each it explains out. MLflow runs this file's copy inside the model.

It may import `adhd_cvae` (carried along as code) and nothing else of this project.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import BAD_REQUEST
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

        Raises
        ------
        MlflowException
            A map is missing, unreadable, of another shape or no gray matter; `mlflow models serve` answers 400.
        """
        from adhd_cvae.errors import InputError
        from adhd_cvae.images.nifti import maps_of_rows

        try:
            found = [
                self.reference.explained_of(values.reshape(-1))
                for values in maps_of_rows(model_input, self.image)
            ]
        except InputError as error:
            raise MlflowException(str(error), error_code=BAD_REQUEST) from None
        return pd.DataFrame({"explained": np.array(found, float)}, index=model_input.index)


set_model(HealthyAnatomy())
