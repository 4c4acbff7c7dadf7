"""The registered model: NIfTI paths in, posterior means out. MLflow runs this file's copy inside the model.

It may import `adhd_cvae` (carried along as code) and nothing else of this project.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext


class PosteriorMeans(PythonModel):
    """Embeds gray-matter maps exactly as the stages did."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read weights, configuration and settings."""
        from adhd_cvae.checkpoint import load_model
        from adhd_cvae.config import Recipe
        from adhd_cvae.files import read_json

        artifacts = {name: Path(path) for name, path in context.artifacts.items()}
        self.recipe = Recipe.model_validate(read_json(artifacts["recipe"]))
        self.model = load_model(artifacts["weights"].with_suffix(""))

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
        from adhd_cvae.transforms import load_map

        images = np.stack([load_map(Path(path), self.recipe.image) for path in model_input["image"]])
        codes = embed(self.model, images)
        table = {
            f"{prefix}_{unit:02d}": mean[:, unit].astype(np.float64)
            for prefix, mean in (("s", codes.salient_mean), ("z", codes.background_mean))
            for unit in range(mean.shape[1])
        }
        return pd.DataFrame(table, index=model_input.index)


mlflow.models.set_model(PosteriorMeans())
