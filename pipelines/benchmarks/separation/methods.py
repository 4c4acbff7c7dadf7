"""The methods that are compared: what each changes in the recipe, and its codes of a simulated cohort."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from adhd_cvae.cohort.split import split_cohort
from adhd_cvae.cohort.table import BACKGROUND, TARGET, TEST, TRAIN
from adhd_cvae.config import OBJECTIVES, ImageConfig, Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.images.resampling import to_grid
from adhd_cvae.inference.decoding import decode
from adhd_cvae.inference.embedding import Embedding, embed, standardised_voxels
from adhd_cvae.models.initialisation import initial_model
from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.models.weights import load_model
from adhd_cvae.simulation.cohort import SimulatedCohort, SimulationConfig
from adhd_cvae.training.trainer import train
from pipelines.benchmarks.separation.metrics import KnownCohort, Row, recovery_rows, row, score_codes
from pipelines.recipes.loader import apply_overrides, validated


class Method(NamedTuple):
    """Changes of the recipe, as for ``--set``, and which model is asked."""

    overrides: tuple[str, ...] = ()
    model: Literal["cvae", "vae"] = "cvae"
    """Which of the networks that `train` leaves; the plain VAE has one space, with the units of both."""


_LINEAR = ("model.correction=false", "training.epochs=0")
_TRAINED = ("training.train_salient=true",)
METHODS: dict[str, Method] = {
    "adhd_cvae": Method(),
    "trained_salient": Method(_TRAINED),
    **{
        name: Method((f"objective.name={name}", *_TRAINED))
        for name in OBJECTIVES
        if name not in ("adhd_cvae", "vae")
    },
    "random_start": Method(("model.start=random",)),
    "vae": Method(("training.vae=true",), "vae"),
    "contrast": Method(("model.start=contrast", *_LINEAR)),
    "site_blind": Method(("model.start=contrast", "cohort.site=null", *_LINEAR)),
    "contrastive_pca": Method(("model.start=contrastive_pca", *_LINEAR)),
    "pcpca": Method(("model.start=pcpca", *_LINEAR)),
    "ica": Method(("model.start=ica", *_LINEAR)),
    "pca_contrast": Method(("model.start=pca", *_LINEAR)),
    "pca": Method(("training.vae=true", *_LINEAR), "vae"),
}
"""Name to method, in the order of the figures; ``pca`` is a VAE of no epoch and without convolutions."""


@dataclass(frozen=True)
class Simulated:
    """A simulated cohort on the recipe's grid.

    Attributes
    ----------
    images
        (n, *shape) float16.
    table
        One row a participant: identity, `group`, `split`, covariates, symptoms and the truth.
    factors
        Columns of `table` that hold planted severities.
    """

    images: np.ndarray
    table: pd.DataFrame
    factors: tuple[str, ...]

    @property
    def is_target(self) -> np.ndarray:
        """(n,) bool: patients."""
        return (self.table["group"] == TARGET).to_numpy()

    @property
    def is_held_out(self) -> np.ndarray:
        """(n,) bool: no method was fitted to them."""
        return (self.table["split"] == TEST).to_numpy()


@dataclass(frozen=True)
class Fitted:
    """A method's codes, (participants, units) by space, and what else is compared."""

    spaces: Mapping[str, np.ndarray]
    """``salient`` and ``background``, or ``all`` where the model has one space."""
    reference: Mapping[str, np.ndarray]
    """The same of the reference patients."""
    unexplained: float
    """Held-out participants' residual over total sum of squares, mean."""
    units: int
    """Units of all spaces together."""
    seconds: float


def simulate_cohort(config: SimulationConfig, recipe: Recipe) -> Simulated:
    """Simulate in memory; the split follows the recipe's share and the cohort's seed."""
    cohort = SimulatedCohort(config)
    truth, phenotype = (part.drop(columns="participant_id") for part in (cohort.truth, cohort.phenotype))
    table = pd.concat([cohort.participants, phenotype, truth], axis=1)
    table = table.assign(
        group=np.where(table["dx"] > 0, TARGET, BACKGROUND), iq=table["full4_iq"].astype(float)
    )
    table["split"] = split_cohort(table, recipe.cohort.test_fraction, config.seed, recipe.cohort.site)
    return Simulated(_maps(cohort, recipe.image, np.arange(len(table))), table, config.factors)


def reference_patients(config: SimulationConfig, image: ImageConfig) -> np.ndarray:
    """Maps of patients whom no method is fitted to, so that methods fitted to different cohorts can be compared."""
    return _reference_maps(config.model_dump_json(), image.model_dump_json())


@cache  # a process meets the same kind of cohort several times
def _reference_maps(config: str, image: str) -> np.ndarray:
    cohort = SimulatedCohort(SimulationConfig.model_validate_json(config))
    patients = np.flatnonzero(cohort.participants["dx"] > 0)
    return _maps(cohort, ImageConfig.model_validate_json(image), patients)


def _maps(cohort: SimulatedCohort, image: ImageConfig, rows: np.ndarray) -> np.ndarray:
    maps = np.empty((len(rows), *image.shape), np.float16)
    for place, index in enumerate(rows):
        maps[place] = to_grid(cohort.map(int(index)), cohort.affine, image, image.fwhm)
    return maps


def adapted(recipe: Recipe, overrides: tuple[str, ...], seed: int) -> Recipe:
    """Lay a method's overrides over the recipe."""
    settings = recipe.model_dump(mode="json") | {"seed": seed}
    return validated(apply_overrides(settings, overrides), "method")


def fit(method: Method, cohort: Simulated, reference: np.ndarray, recipe: Recipe, scratch: Path) -> Fitted:
    """Fit a method to the training split and apply it to everybody.

    Parameters
    ----------
    recipe
        Its `seed` is the method's.
    scratch
        An existing folder for checkpoints, left empty.
    """
    adjusted = adapted(recipe, method.overrides, recipe.seed)
    started = time.perf_counter()
    model = _model(method, cohort, adjusted, scratch)
    codes = embed(model, cohort.images)
    seconds = time.perf_counter() - started
    held_out = cohort.is_held_out
    return Fitted(
        _spaces(model, codes),
        _spaces(model, embed(model, reference)),
        float(np.mean(_unexplained(model, cohort.images, codes, cohort.is_target)[held_out])),
        model.config.salient + model.config.background,
        seconds,
    )


def pca_unexplained(cohort: Simulated, recipe: Recipe, units: int) -> float:
    """Held-out participants' residual share after PCA of so many units."""
    model = _pca(cohort, recipe, units)
    errors = _unexplained(model, cohort.images, embed(model, cohort.images), cohort.is_target)
    return float(np.mean(errors[cohort.is_held_out]))


def brain_voxels(cohort: Simulated, recipe: Recipe) -> np.ndarray:
    """Standardised voxels of everybody, (n, voxels), as every method sees them."""
    return standardised_voxels(_pca(cohort, recipe, 1), cohort.images)


def _model(method: Method, cohort: Simulated, recipe: Recipe, scratch: Path) -> ContrastiveVAE:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        train(cohort.images, cohort.table, recipe, Path(folder))
        return load_model(Path(folder) / method.model)[0]


def _pca(cohort: Simulated, recipe: Recipe, units: int) -> ContrastiveVAE:
    """PCA of the training participants: a network of one space before its first step."""
    training = (cohort.table["split"] == TRAIN).to_numpy()
    parts = {"salient": 0, "background": units, "start": "pca", "correction": False}
    config = recipe.model.model_copy(update=parts)
    images, is_target = cohort.images[training], cohort.is_target[training]
    return initial_model(config, recipe.image, images, is_target, recipe.seed).eval()


def _spaces(model: ContrastiveVAE, codes: Embedding) -> dict[str, np.ndarray]:
    if model.config.salient == 0:
        return {"all": codes.background_mean}
    return {"salient": codes.salient_mean, "background": codes.background_mean}


def _unexplained(
    model: ContrastiveVAE, images: np.ndarray, codes: Embedding, is_target: np.ndarray
) -> np.ndarray:
    """Residual over total sum of squares around the training mean, (n,); controls are decoded without s."""
    observed = standardised_voxels(model, images)
    decoded = decode(model, codes.background_mean, codes.salient_mean * is_target[:, None])
    scale, mean = model.voxel_scale.cpu().numpy(), model.voxel_mean.cpu().numpy()
    residual = observed - (decoded - mean) / scale
    return np.square(residual).sum(axis=1) / np.square(observed).sum(axis=1)


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


def method_rows(
    method: Method, cohort: Simulated, reference: np.ndarray, recipe: Recipe, scratch: Path, *, null: bool
) -> tuple[list[Row], Mapping[str, np.ndarray]]:
    """Fit, then score: rows, and the reference patients' codes by space.

    A method whose training diverges has one row, the metric ``failed``.
    """
    try:
        fitted = fit(method, cohort, reference, recipe, scratch)
    except InputError:
        return [row("failed", 1.0)], {}
    known = _known(cohort)
    permutations = recipe.analysis.permutations
    rows = score_codes(fitted.spaces, known, null=null, permutations=permutations, seed=recipe.seed)
    pca = pca_unexplained(cohort, recipe, fitted.units)
    rows.append(row("unexplained", fitted.unexplained))
    rows.append(row("unexplained_over_pca", fitted.unexplained / pca))
    return [{**one, "seconds": round(fitted.seconds, 3)} for one in rows], fitted.reference


def ceiling_rows(cohort: Simulated, recipe: Recipe) -> list[Row]:
    """Recovery by ridge regression that is told the training patients' true severities, from all voxels."""
    voxels = {"voxels": brain_voxels(cohort, recipe)}
    return recovery_rows(voxels, _known(cohort), permutations=recipe.analysis.permutations, seed=recipe.seed)


def _known(cohort: Simulated) -> KnownCohort:
    return KnownCohort(cohort.table, cohort.factors, cohort.is_target, cohort.is_held_out)
