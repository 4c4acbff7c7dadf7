"""The registered model: maps in, posteriors and distances out. MLflow runs this file's copy inside the model.

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

from adhd_cvae.errors import InputError

AT_ONCE = 16
"""Maps in memory at a time."""


class MapRefusedError(MlflowException, InputError):
    """A map that cannot be embedded; `mlflow models serve` answers 400 with the reason."""

    def __init__(self, *problems: str) -> None:
        MlflowException.__init__(self, " ".join(problems), error_code=BAD_REQUEST)
        self.problems = problems


class Posteriors(PythonModel):
    """Embeds gray-matter maps exactly as the stages did."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the weights, beside them the network's and the grid's settings, and the training cohort's numbers."""
        from adhd_cvae.inference.adjustment import load_adjustment
        from adhd_cvae.inference.out_of_distribution import load_reference
        from adhd_cvae.models.weights import load_model

        self.adjustment = None
        if "adjustment" in context.artifacts:
            self.adjustment = load_adjustment(Path(context.artifacts["adjustment"]).with_suffix(""))
        self.model, self.image = load_model(Path(context.artifacts["weights"]).with_suffix(""))
        self.reference = load_reference(Path(context.artifacts["reference"]))

    def predict(  # pyright: ignore[reportIncompatibleMethodOverride] (MLflow's own returns nothing)
        self,
        context: PythonModelContext | None,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Embed one map a row.

        Parameters
        ----------
        model_input
            Column `image`: path of a gray-matter map in MNI space, on any grid; or column `array`: a map on
            the model's own grid, smoothed, as in ``cache/images.npy``. Where a row has both, the array counts. A model
            that takes sites or covariates from maps needs these too, under the names they had in its cohort.
        params
            ``new_site``: ``refuse`` (the default) or ``average``, what becomes of sites that the model has not met.

        Returns
        -------
        pandas.DataFrame
            One row for each row of the input: posterior means ``s_00…`` and ``z_00…``, their standard deviations
            ``s_00_sd…`` and ``z_00_sd…``, `distance` from the training participants (about 1 for a map like theirs)
            and `out_of_distribution`, whether it is beyond the 99th percentile of theirs. Of a model that harmonises
            also `known_site`.

        Raises
        ------
        MapRefusedError
            A map is missing, unreadable, of another shape or no gray matter in template space; or a site is new, or a
            covariate missing.
        """
        average = (params or {}).get("new_site") == "average"
        try:
            parts = [
                self._described(model_input.iloc[start : start + AT_ONCE], average=average)
                for start in range(0, max(len(model_input), 1), AT_ONCE)
            ]
        except InputError as error:
            raise MapRefusedError(*error.problems or (str(error),)) from None
        return pd.concat(parts).set_axis(model_input.index)

    def _described(self, rows: pd.DataFrame, *, average: bool) -> pd.DataFrame:
        from adhd_cvae.images.nifti import maps_of_rows
        from adhd_cvae.inference.prediction import predict, predict_adjusted

        maps = [*maps_of_rows(rows, self.image)]
        if not maps:
            nobody = predict(self.model, self.reference, np.zeros((1, *self.image.shape))).iloc[:0]
            flagged = self.adjustment is not None and self.adjustment.site is not None
            return nobody.assign(known_site=np.zeros(0, bool)) if flagged else nobody
        network = (self.model, self.reference)
        return predict_adjusted(network, np.stack(maps), self.adjustment, rows, average=average)


set_model(Posteriors())
