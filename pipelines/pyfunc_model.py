"""The registered model: NIfTI paths in, posterior means out. MLflow runs this file's copy inside the model.

It may import `adhd_cvae` (carried along as code) and nothing else of this project.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

AT_ONCE = 16
"""Maps in memory at a time."""


class PosteriorMeans(PythonModel):
    """Embeds gray-matter maps exactly as the stages did."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the weights and, beside them, the network's and the grid's settings."""
        from adhd_cvae.checkpoint import load_model

        self.model, self.image = load_model(Path(context.artifacts["weights"]).with_suffix(""))

    def predict(
        self,
        context: PythonModelContext | None,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Embed one map a row.

        Parameters
        ----------
        model_input
            Column `image`: path of a gray-matter map in MNI space, on any grid.

        Returns
        -------
        pandas.DataFrame
            Columns ``s_00…`` and ``z_00…``, one row for each row of the input.
        """
        from adhd_cvae.latents import embed
        from adhd_cvae.maps import load_map

        paths = [Path(path) for path in model_input["image"]]
        salient, background = [], []
        for start in range(0, len(paths), AT_ONCE):
            images = np.stack([load_map(path, self.image) for path in paths[start : start + AT_ONCE]])
            codes = embed(self.model, images)
            salient.append(codes.salient_mean)
            background.append(codes.background_mean)
        table = {
            f"{prefix}_{unit:02d}": values[:, unit].astype(np.float64)
            for prefix, values in (("s", np.concatenate(salient)), ("z", np.concatenate(background)))
            for unit in range(values.shape[1])
        }
        return pd.DataFrame(table, index=model_input.index)


set_model(PosteriorMeans())
