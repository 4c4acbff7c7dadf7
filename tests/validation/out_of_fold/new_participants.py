"""As many new participants of the same sites, through the model of everybody: what their codes hold of site.

Out of fold, what is taken of sites from one fold's participants is opposite to what is left of the others', so that a
probe finds less than there is. New participants share what a model got of their sites wrong.
"""

from typing import Any

import numpy as np
import pandas as pd

from adhd_cvae.analysis.harmonisation import harmonisation_table
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.recovery import Scoring, recovery_table
from adhd_cvae.inference.adjustment import adjusted, load_adjustment
from adhd_cvae.inference.decoding import decode
from adhd_cvae.inference.embedding import embed, standardised_voxels
from adhd_cvae.io import read_tsv
from adhd_cvae.models.weights import load_model
from adhd_cvae.names import BACKGROUND, SALIENT, rows_of
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.benchmarks.separation.cohorts import SimulatedMaps, simulate_maps
from pipelines.output_dir.run import Run

NEW = "new"
"""Beside the tables that are asked for."""
_OTHERS = 500_000
"""What seeds of new participants are larger by."""


def rows_of_new(run: Run, config: SimulationConfig) -> list[dict[str, Any]]:
    """Site and planted severities read from their codes, and what is not decoded, by `paths.cvae` of a run."""
    recipe, paths = run.recipe, run.paths
    others = config.model_copy(update={"seed": config.seed + _OTHERS})
    cohort = simulate_maps(others, recipe.cohort.site, recipe.image)
    model, _ = load_model(paths.cvae)
    maps = adjusted(cohort.images, load_adjustment(paths.adjustment), cohort.table)
    codes = embed(model, maps)
    spaces = {SALIENT: codes.salient_mean, BACKGROUND: codes.background_mean}
    inference = Inference(recipe.analysis.permutations, 0, recipe.seed)
    by_stage = {(space, NEW): values for space, values in spaces.items()}
    probed = harmonisation_table(by_stage, cohort.table, "site", {}, inference)
    truth = pd.DataFrame(cohort.table[list(cohort.factors)])
    recovered = recovery_table(spaces, cohort.is_target, truth, Scoring(seed=recipe.seed))
    kept = read_tsv(paths.checkpoints / "earned.tsv").query("model == 'cvae' and kept")["step"].iloc[0]
    return [
        *(
            {"test": f"site from {row['space']} of new, {row['group']}"}
            | {"value": row["score"], "null_mean": row["null_mean"]}
            for row in rows_of(probed)
        ),
        *(
            {"test": f"recovery from {row['space']} of new", "value": row["score"]}
            for row in rows_of(recovered)
            if row["metric"] == "r"
        ),
        {"test": "unexplained of new", "value": _unexplained(model, cohort, maps, codes)},
        *({"test": f"kept: {step}", "value": float(kept == step)} for step in ("linear", "trained", "deep")),
    ]


def _unexplained(model: Any, cohort: SimulatedMaps, maps: np.ndarray, codes: Any) -> float:
    """Residual over total sum of squares, decoded at their sites, controls' s set to zero."""
    observed = standardised_voxels(model, maps[:])
    salient = codes.salient_mean * cohort.is_target[:, None]
    decoded = decode(model, codes.background_mean, salient, cohort.table["site"].to_numpy(dtype=str))
    left = observed - (decoded - model.voxel_mean.numpy()) / model.voxel_scale.numpy()
    return float((np.square(left).sum(axis=1) / np.square(observed).sum(axis=1)).mean())
