"""Stage: frozen models and image cache in, posterior means, posterior samples and decoded maps out."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json
from adhd_cvae.names import TRAIN, VAE
from pipelines.output_dir.latents import two_spaces, write_distances, write_latents, write_samples
from pipelines.output_dir.provenance import Provenance, Stage, images_fingerprint, settings_of
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import BASELINES, COHORT, DECODED

if TYPE_CHECKING:
    from adhd_cvae.inference.embedding import Embedding


def run(run: Run) -> None:
    """Write latents.tsv, draws.npz, distances.tsv, decoded.npz and baselines.tsv.

    Raises
    ------
    InputError
        No trained model here, or results made with other settings.
    """
    paths, recipe = run.paths, run.recipe
    weights, plain_weights = (stem.with_suffix(".safetensors") for stem in (paths.cvae, paths.vae))
    if not weights.is_file():
        raise InputError(
            f"{weights} is missing: no model was trained here. Run `adhd-cvae train {paths.folder}` first."
        )
    provenance = Provenance.open(paths)
    stage = Stage(
        name="embed",
        settings=settings_of(
            recipe,
            "seed",
            "analysis.draws",
            "analysis.out_of_distribution",
            "analysis.maps.traversal",
            "objective.salient_of",
            "model.linear",
        ),
        inputs={
            **provenance.checksums(paths.cohort, weights, plain_weights),
            "images": images_fingerprint(paths.manifest),
        },
        outputs=(
            *("latents.tsv", "latents.json", "draws.npz", "decoded.npz", "baselines.tsv"),
            *("distances.tsv", "distances.json", paths.reference.relative_to(paths.folder).as_posix()),
        ),
    )
    provenance.perform(stage, run, lambda: _embed(run))


def _embed(run: Run) -> None:
    from adhd_cvae.images.cache import open_images
    from adhd_cvae.inference.decoding import decode_cohort
    from adhd_cvae.inference.embedding import embed, posterior_samples
    from adhd_cvae.inference.linear_baselines import baseline_scores
    from adhd_cvae.inference.out_of_distribution import residuals
    from adhd_cvae.models.weights import load_model

    paths, recipe, progress = run.paths, run.recipe, run.progress
    cohort = COHORT.read(paths.cohort)
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
            posteriors[VAE] = (plain.background_mean, plain.background_sd)
    samples = {
        # Every space has its own seed.
        space: posterior_samples(mean, sd, recipe.analysis.draws, recipe.seed + offset)
        for offset, (space, (mean, sd)) in enumerate(posteriors.items())
    }
    write_latents(cohort, {space: mean for space, (mean, _) in posteriors.items()}, paths.latents)
    write_samples(cohort, samples, paths.draws)
    _keep_reference(run, cohort, codes, residuals(model, images, codes))
    with progress.bar("Fitting linear baselines") as tick:
        tick(0, 1, "")
        BASELINES.write(baseline_scores(model, images, cohort, recipe.seed), paths.baselines)
        tick(1, 1, "")
    with progress.bar("Decoding") as tick:
        affine = np.array(read_json(paths.manifest)["affine"])
        decoded = decode_cohort(
            model,
            images,
            cohort,
            codes,
            lambda done, total: tick(done, total, "patients and twins"),
            salient_of=recipe.objective.salient_of,
            steps=recipe.analysis.maps.traversal,
            seed=recipe.seed,
        )
    DECODED.write({"affine": affine, **decoded}, paths.decoded)


def _keep_reference(run: Run, cohort: pd.DataFrame, codes: "Embedding", residual: np.ndarray) -> None:
    """Keep what the training participants look like, and everybody's distance from them."""
    from adhd_cvae.inference.out_of_distribution import code_matrix, fit_reference, save_reference

    training = (cohort["split"] == TRAIN).to_numpy()
    reference = fit_reference(
        code_matrix(codes)[training], residual[training], run.recipe.analysis.out_of_distribution
    )
    save_reference(reference, run.paths.reference)
    distances = reference.distances(codes, residual)
    write_distances(cohort, distances, reference.out_of_distribution(distances), run.paths.distances)
