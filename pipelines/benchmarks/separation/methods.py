"""The methods that are compared: what each changes in the recipe, and its codes and scores of a simulated cohort."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
import yaml
from threadpoolctl import threadpool_limits

from adhd_cvae.config import ImageConfig, ModelConfig, Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.inference.decoding import decode
from adhd_cvae.inference.embedding import Embedding, embed, standardised_voxels
from adhd_cvae.models.initialisation import initial_model
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.models.reference_background import Reference
from adhd_cvae.models.weights import load_model
from adhd_cvae.names import BACKGROUND, SALIENT, rows_of
from adhd_cvae.training.train import train
from pipelines.benchmarks.separation.classifier import discriminant_scores
from pipelines.benchmarks.separation.cohorts import SimulatedMaps
from pipelines.benchmarks.separation.grid import Condition, Size
from pipelines.benchmarks.separation.lenders import LentMaps, lenders, lent_reference
from pipelines.benchmarks.separation.metrics import Row, recovery_rows, row, score_codes, separation_rows
from pipelines.benchmarks.separation.summary import where
from pipelines.recipes.loader import apply_overrides, validated


class Method(NamedTuple):
    """What ``methods.yaml`` says of a method."""

    label: str
    overrides: tuple[str, ...] = ()
    model: Literal["cvae", "vae", "lda"] = "cvae"
    borrows: int = 0
    as_controls: bool = False
    grids: tuple[Size, ...] = ("quick", "full", "curved")

    @property
    def settings(self) -> list[object]:
        """What tells it from another method of the same name."""
        return [list(self.overrides), self.model, *([self.borrows, self.as_controls] if self.borrows else [])]


_FILE = Path(__file__).with_suffix(".yaml")
METHODS = {name: Method(**what) for name, what in yaml.safe_load(_FILE.read_text(encoding="utf-8")).items()}
"""Name to method, in the order of the figures."""


def borrowed(method: Method, condition: Condition, image: ImageConfig) -> Reference | LentMaps | None:
    """Healthy people elsewhere as a method takes them."""
    if not method.borrows:
        return None
    return (lenders if method.as_controls else lent_reference)(condition, method.borrows, image)


def method_rows(
    method: Method,
    cohort: SimulatedMaps,
    reference: np.ndarray,
    recipe: Recipe,
    scratch: Path,
    lent: Reference | LentMaps | None = None,
    *,
    null: bool,
) -> tuple[list[Row], Mapping[str, np.ndarray]]:
    """Fit a method to those not held out, then score its codes.

    Parameters
    ----------
    reference
        (m, *shape) maps of patients of no cohort.
    recipe
        Its `seed` is the method's.
    scratch
        An existing folder for checkpoints, left empty.
    lent
        What it borrows (`borrowed`).
    null
        Nothing is planted: add tests of similarity, which should find nothing.

    Returns
    -------
    tuple
        Rows, and the reference patients' codes by space. A method whose training diverges has one row, the metric
        ``failed``.
    """
    if method.model == "lda":
        return separation_rows({"voxels": discriminant_scores(cohort)}, cohort), {}
    settings = validated(apply_overrides(recipe.model_dump(mode="json"), method.overrides), "method")
    started = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            with_lenders = _with_lenders(cohort, lent if isinstance(lent, LentMaps) else None)
            known = lent if isinstance(lent, Reference) else None
            gained = train(
                *with_lenders[:2], settings, Path(folder), fitted=with_lenders[2], reference=known
            ).earned
            model = load_model(Path(folder) / method.model)[0]
    except InputError:
        return [row("failed", 1.0)], {}
    codes = embed(model, cohort.images)
    seconds = round(time.perf_counter() - started, 3)
    permutations, seed = recipe.analysis.permutations, recipe.seed
    rows = score_codes(_spaces(model, codes), cohort, null=null, permutations=permutations, seed=seed)
    pca = _pca(cohort, model.config.salient + model.config.background)
    own, of_pca = _unexplained(model, cohort, codes), _unexplained(pca, cohort, embed(pca, cohort.images))
    rows += [row("unexplained", own), row("unexplained_over_pca", own / of_pca)]
    for step in rows_of(where(gained, gained["model"] == method.model)):
        rows += [
            row("gain_nats", step["gain_nats"], step["step"]),
            row("kept", float(step["kept"]), step["step"]),
        ]
    return [{**one, "seconds": seconds} for one in rows], _spaces(model, embed(model, reference))


def _with_lenders(
    cohort: SimulatedMaps, lent: LentMaps | None
) -> tuple[np.ndarray, pd.DataFrame, np.ndarray]:
    """Maps, table and (n,) bool of those fitted, lenders as further controls at sites of their own."""
    fitted = ~cohort.is_held_out
    if lent is None:
        return cohort.images, cohort.table, fitted
    sites = [f"lender {site}" for site in lent.sites]
    names = [f"lender-{number}" for number in range(len(sites))]
    others = pd.DataFrame({"participant_id": names, "site": sites, "group": BACKGROUND})
    table = pd.concat([cohort.table.astype({"site": str}), others], ignore_index=True)
    return np.concatenate([cohort.images, lent.images]), table, np.append(fitted, np.ones(len(sites), bool))


def ceiling_rows(cohort: SimulatedMaps, *, permutations: int, seed: int) -> list[Row]:
    """Recovery by ridge regression on all voxels, as every method sees them."""
    voxels = {"voxels": standardised_voxels(_pca(cohort, 1), cohort.images)}
    return recovery_rows(voxels, cohort, permutations=permutations, seed=seed)


def _pca(cohort: SimulatedMaps, units: int) -> ContrastiveVAE:
    """PCA of the training participants: a network of one space before its first step."""
    config = ModelConfig(salient=0, background=units, start="pca", correction=False)
    training = ~cohort.is_held_out
    images, is_target = cohort.images[training], cohort.is_target[training]
    return initial_model(config, cohort.image, images, is_target, seed=0).eval()


def _spaces(model: ContrastiveVAE, codes: Embedding) -> dict[str, np.ndarray]:
    if model.config.salient == 0:
        return {"all": codes.background_mean}
    return {SALIENT: codes.salient_mean, BACKGROUND: codes.background_mean}


def _unexplained(model: ContrastiveVAE, cohort: SimulatedMaps, codes: Embedding) -> float:
    """Held-out participants' residual over total sum of squares around the training mean, mean.

    Controls are decoded without s.
    """
    observed = standardised_voxels(model, cohort.images)
    decoded = decode(model, codes.background_mean, codes.salient_mean * cohort.is_target[:, None])
    scale, mean = model.voxel_scale.cpu().numpy(), model.voxel_mean.cpu().numpy()
    residual = observed - (decoded - mean) / scale
    shares = np.square(residual).sum(axis=1) / np.square(observed).sum(axis=1)
    return float(np.mean(shares[cohort.is_held_out]))


@contextmanager
def one_thread() -> Iterator[None]:
    """One core for everything inside: processes share the machine, and sums do not depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
