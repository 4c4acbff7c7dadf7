"""Stage: frozen models and image cache in, posterior means, draws and decoded maps out."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adhd_cvae.cohort import TRAIN, validate_cohort
from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.files import atomic_path, read_json, read_tsv, write_json, write_tsv
from pipelines.paths import OutputPaths
from pipelines.progress import Progress
from pipelines.record import RunRecord, Stage, checksums, settings_of
from pipelines.train import images_fingerprint

if TYPE_CHECKING:
    from adhd_cvae.latents import Embedding
    from adhd_cvae.network import ContrastiveVAE

PREFIXES = {"salient": "s", "background": "z", "vae": "v"}
"""Space to the prefix of its columns in latents.tsv."""
DESCRIPTIONS = {
    "salient": "salient space: variation of patients only",
    "background": "background space: variation patients and controls share",
    "vae": "plain variational autoencoder, the comparison",
}
IDENTITY = {
    "participant_id": {"Description": "Participant"},
    "group": {"Description": "Group", "Levels": {"target": "patient", "background": "control"}},
    "split": {"Description": "Use", "Levels": {"train": "trained on", "test": "held out of training"}},
}

DISTANCE = {
    "distance": {"Description": "Distance from the training participants; about 1 for a map like theirs"},
    "out_of_distribution": {"Description": "Farther than 99 in 100 of the training participants"},
}


def run(paths: OutputPaths, recipe: Recipe, progress: Progress, overwrite: bool = False) -> None:
    """Write latents.tsv, draws.npz, distances.tsv, decoded.npz and baselines.tsv.

    Raises
    ------
    InputError
        No trained model here, or results made with other settings.
    """
    weights, plain_weights = (stem.with_suffix(".safetensors") for stem in (paths.cvae, paths.vae))
    if not weights.is_file():
        raise InputError(
            f"{weights} is missing: no model was trained here. Run `adhd-cvae train {paths.folder}` first."
        )
    stage = Stage(
        name="embed",
        settings=settings_of(recipe, "seed", "analysis.draws", "objective.salient_of"),
        inputs={
            **checksums(paths, paths.cohort, weights, plain_weights),
            "images": images_fingerprint(paths),
        },
        outputs=(
            *("latents.tsv", "latents.json", "draws.npz", "decoded.npz", "baselines.tsv"),
            *("distances.tsv", "distances.json", paths.reference.relative_to(paths.folder).as_posix()),
        ),
    )
    RunRecord.open(paths).perform(stage, recipe, lambda: _work(paths, recipe, progress), progress, overwrite)


def _work(paths: OutputPaths, recipe: Recipe, progress: Progress) -> None:
    from adhd_cvae.checkpoint import load_model
    from adhd_cvae.dataset import open_images
    from adhd_cvae.latents import baseline_scores, decode_cohort, embed

    cohort = validate_cohort(read_tsv(paths.cohort))
    images = open_images(paths.cache)
    if len(images) != len(cohort):
        raise InputError(
            f"{paths.images} holds {len(images)} maps and cohort.tsv {len(cohort)} participants. "
            "Run `adhd-cvae prepare` again."
        )
    model, _ = load_model(paths.cvae)
    with progress.bar("Embedding") as tick:
        codes = embed(model, images, progress=lambda done, total: tick(done, total, "contrastive model"))
        posteriors = two_spaces(codes)
        if paths.vae.with_suffix(".safetensors").is_file():
            comparison, _ = load_model(paths.vae)
            plain = embed(comparison, images, progress=lambda done, total: tick(done, total, "plain model"))
            posteriors["vae"] = (plain.background_mean, plain.background_sd)
    write_posteriors(cohort, posteriors, recipe, paths)
    _write_reference(cohort, model, images, codes, paths)
    with progress.bar("Fitting linear baselines") as tick:
        tick(0, 1, "")
        write_tsv(baseline_scores(model, images, cohort, recipe.seed), paths.baselines)
        tick(1, 1, "")
    with progress.bar("Decoding") as tick:
        affine = np.array(read_json(paths.manifest)["affine"])
        decoded = decode_cohort(
            model,
            images,
            cohort,
            codes,
            affine,
            lambda done, total: tick(done, total, "patients and twins"),
            recipe.objective.salient_of,
            recipe.seed,
        )
    save_arrays(decoded, paths.decoded)


def _write_reference(
    cohort: pd.DataFrame, model: "ContrastiveVAE", images: np.ndarray, codes: "Embedding", paths: OutputPaths
) -> None:
    """Keep what the training participants look like, and everybody's distance from them."""
    from adhd_cvae.prediction import code_matrix, fit_reference, residuals, save_reference

    training, residual = (cohort["split"] == TRAIN).to_numpy(), residuals(model, images, codes)
    reference = fit_reference(code_matrix(codes)[training], residual[training])
    save_reference(reference, paths.reference)
    distances = reference.distances(codes, residual)
    write_distances(cohort, distances, reference.out_of_distribution(distances), paths)


def write_distances(
    cohort: pd.DataFrame, distances: np.ndarray, beyond: np.ndarray, paths: OutputPaths
) -> None:
    """Write distances.tsv, one row a participant, with a sidecar."""
    identity = [name for name in ("participant_id", "group", "split") if name in cohort]
    write_tsv(cohort[identity].assign(distance=distances, out_of_distribution=beyond), paths.distances)
    write_json(
        {**{name: IDENTITY[name] for name in identity}, **DISTANCE}, paths.distances.with_suffix(".json")
    )


def two_spaces(codes: "Embedding") -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and standard deviation, (n, units) each, of the contrastive model's spaces."""
    return {
        "salient": (codes.salient_mean, codes.salient_sd),
        "background": (codes.background_mean, codes.background_sd),
    }


def write_posteriors(
    cohort: pd.DataFrame,
    posteriors: dict[str, tuple[np.ndarray, np.ndarray]],
    recipe: Recipe,
    paths: OutputPaths,
) -> None:
    """Write latents.tsv and draws.npz; every space has its own seed."""
    from adhd_cvae.latents import draw

    draws = {
        space: draw(mean, sd, recipe.analysis.draws, recipe.seed + offset)
        for offset, (space, (mean, sd)) in enumerate(posteriors.items())
    }
    write_latents(cohort, {space: mean for space, (mean, _) in posteriors.items()}, paths)
    save_arrays({"participant_id": cohort["participant_id"].to_numpy(dtype=str), **draws}, paths.draws)


def write_latents(cohort: pd.DataFrame, means: dict[str, np.ndarray], paths: OutputPaths) -> None:
    """Write posterior means, one row a participant, with a sidecar; float32 values read back exactly."""
    columns = {
        f"{PREFIXES[space]}_{unit:02d}": (space, mean[:, unit].astype(np.float64))
        for space, mean in means.items()
        for unit in range(mean.shape[1])
    }
    identity = [name for name in ("participant_id", "group", "split") if name in cohort]
    table = pd.concat(
        [
            cohort[identity],
            pd.DataFrame({name: values for name, (_, values) in columns.items()}, cohort.index),
        ],
        axis=1,
    )
    described = {
        name: {"Description": f"Posterior mean, {DESCRIPTIONS[space]}"}
        for name, (space, _) in columns.items()
    }
    write_tsv(table, paths.latents)
    write_json(
        {**{name: IDENTITY[name] for name in identity}, **described}, paths.latents.with_suffix(".json")
    )


def save_arrays(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Write a ``.npz`` that is whole or absent and holds no pickle."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
