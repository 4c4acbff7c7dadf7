"""Stage: frozen models and image cache in, posterior means, posterior samples and decoded maps out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json
from adhd_cvae.names import BACKGROUND, CONTRASTIVE_PCA, SALIENT, TARGET, VAE, unit_name
from pipelines.output_dir.folds import read_folds
from pipelines.output_dir.latents import (
    Posteriors,
    two_spaces,
    write_distances,
    write_latents,
    write_out_of_fold,
    write_samples,
)
from pipelines.output_dir.provenance import Provenance, Stage, images_fingerprint, settings_of
from pipelines.output_dir.run import Run, of_borrowed
from pipelines.output_dir.tables import BASELINES, COHORT, DECODED, FOLD_ARRAYS, FOLD_SCORES

if TYPE_CHECKING:
    from adhd_cvae.inference.out_of_fold import Cohort, OutOfFold
    from adhd_cvae.models.network import ContrastiveVAE


def run(run: Run) -> None:
    """Write latents.tsv of the registered model, out_of_fold.tsv of those that have not met the participant, and more.

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
            # Model and grid are those of the weights.
            *("seed", "model.linear", "training.fold_models", "objective.salient_of"),
            *("analysis.draws", "analysis.out_of_distribution", "analysis.maps.traversal"),
            *recipe.cohort.adjusting,
        ),
        inputs={
            **provenance.checksums(paths.cohort, paths.folds, weights, plain_weights, *_of_folds(run)),
            "images": images_fingerprint(paths.manifest),
            **of_borrowed(run.borrowed()),
        },
        outputs=(
            *("latents.tsv", "latents.json", "draws.npz", "decoded.npz", "baselines.tsv"),
            *("out_of_fold.tsv", "out_of_fold.json", "out_of_fold.npz"),
            # Another seed's are those of the folder that its cache is a link to.
            *(() if paths.cache.is_symlink() else ("cache/fold-scores.npz",)),
            *("distances.tsv", "distances.json", paths.reference.relative_to(paths.folder).as_posix()),
        ),
    )
    provenance.perform(stage, run, lambda: _embed(run))


def _of_folds(run: Run) -> list[Path]:
    """Weights of the networks trained in folds; none where folds have linear models."""
    names = ("cvae", "vae", "adjustment") if run.recipe.training.vae else ("cvae", "adjustment")
    return sorted(file for name in names for file in run.paths.checkpoints.glob(f"fold-*/{name}.safetensors"))


def _embed(run: Run) -> None:
    from adhd_cvae.images.cache import open_images
    from adhd_cvae.inference.adjustment import adjusted, load_adjustment
    from adhd_cvae.inference.embedding import embed
    from adhd_cvae.inference.out_of_fold import Cohort
    from adhd_cvae.models.weights import load_model

    paths, recipe, progress = run.paths, run.recipe, run.progress
    table = COHORT.read(paths.cohort)
    folds = read_folds(table, paths)  # before anything is replaced
    images = open_images(paths.cache)
    if len(images) != len(table):
        raise InputError(
            f"{paths.images} holds {len(images)} maps and cohort.tsv {len(table)} participants. "
            "Run `adhd-cvae prepare` again."
        )
    model, _ = load_model(paths.cvae)
    maps = adjusted(images, load_adjustment(paths.adjustment), table)
    with progress.bar("Embedding") as tick:
        codes = embed(model, maps, progress=lambda done, total: tick(done, total, "contrastive model"))
        posteriors = two_spaces(codes)
        if paths.vae.with_suffix(".safetensors").is_file():
            comparison, _ = load_model(paths.vae)
            plain = embed(comparison, maps, progress=lambda done, total: tick(done, total, "plain model"))
            posteriors[VAE] = (plain.background_mean, plain.background_sd)
    write_latents(table, posteriors, paths.latents)
    write_samples(table, _samples(run, posteriors), paths.draws)
    cohort = Cohort(images, table, recipe.cohort.site, run.borrowed())
    _out_of_fold(run, table, folds, cohort, model, {space: mean for space, (mean, _) in posteriors.items()})


def _samples(run: Run, posteriors: Posteriors) -> dict[str, np.ndarray]:
    from adhd_cvae.inference.embedding import posterior_samples

    return {
        # Every space has its own seed.
        space: posterior_samples(mean, sd, run.recipe.analysis.draws, run.recipe.seed + offset)
        for offset, (space, (mean, sd)) in enumerate(posteriors.items())
    }


def _out_of_fold(
    run: Run,
    table: pd.DataFrame,
    folds: np.ndarray,
    cohort: "Cohort",
    model: "ContrastiveVAE",
    in_sample: Mapping[str, np.ndarray],
) -> None:
    """Embed each fold by models of the others, and write all that analyses work on."""
    from adhd_cvae.inference.out_of_fold import fold_models, out_of_fold, refitted
    from adhd_cvae.models.form_choice import in_words

    paths, recipe = run.paths, run.recipe
    numbers = np.unique(folds)
    trained = recipe.training.fold_models == "same"
    parts: list[OutOfFold] = []
    scores: dict[str, np.ndarray] = {}
    with run.progress.bar("Embedding out of fold") as tick:
        for done, number in enumerate(numbers):
            tick(done, len(numbers), f"fold {done + 1} of {len(numbers)}")
            place = paths.fold_checkpoints(int(number)) if trained else None
            models = fold_models(cohort, folds == number, recipe, place)
            if place is None and (forms := in_words(models.start.forms)):  # else training said so
                run.progress.line(f"  fold {done + 1} of {len(numbers)}, linear model, {forms}")
            parts.append(out_of_fold(models, cohort, model, in_sample, recipe))
            scores |= {f"{name}_{number}": array for name, array in refitted(models, cohort).items()}
        tick(len(numbers), len(numbers))
    arrays = {"folds": numbers, "linear": np.array(not trained)}
    for name in ("turns", "discriminants"):
        for space in getattr(parts[0], name):
            arrays[f"{space}_{name[:-1]}"] = np.stack([getattr(part, name)[space] for part in parts])
    posteriors = {
        space: (
            _joined(folds, [part.posteriors[space][0] for part in parts]),
            _joined(folds, [part.posteriors[space][1] for part in parts]),
        )
        for space in parts[0].posteriors
    }
    write_out_of_fold(table, folds, posteriors, paths.out_of_fold)
    names = table["participant_id"].to_numpy(dtype=str)
    arrays |= {"participant_id": names, **_samples(run, posteriors)}
    FOLD_ARRAYS.write(arrays, paths.out_of_fold_arrays)
    if not paths.cache.is_symlink():
        FOLD_SCORES.write(scores, paths.fold_scores)
    _keep_reference(run, table, folds, parts)
    _write_baselines(table, cohort, parts, folds, paths.baselines)
    _write_decoded(run, table, model, folds, parts, in_sample[SALIENT])


def _joined(folds: np.ndarray, parts: Sequence[np.ndarray]) -> np.ndarray:
    """What each fold's models say of those held out, in the order of the cohort."""
    order = np.concatenate([np.flatnonzero(folds == number) for number in np.unique(folds)])
    return np.concatenate(parts)[np.argsort(order)]


def _keep_reference(run: Run, table: pd.DataFrame, folds: np.ndarray, parts: Sequence["OutOfFold"]) -> None:
    """Keep what maps that a model has not met look like, and everybody's distance from them."""
    from adhd_cvae.inference.out_of_distribution import fit_reference, save_reference

    codes = np.hstack(
        [
            _joined(folds, [part.posteriors[space][0] @ part.turns[space] for part in parts])
            for space in (SALIENT, BACKGROUND)
        ]
    )
    residual = _joined(folds, [part.residual for part in parts])
    reference = fit_reference(codes, residual, run.recipe.analysis.out_of_distribution)
    save_reference(reference, run.paths.reference)
    distances = reference.distances(codes, residual)
    write_distances(table, distances, reference.out_of_distribution(distances), run.paths.distances)


def _write_baselines(
    table: pd.DataFrame, cohort: "Cohort", parts: Sequence["OutOfFold"], folds: np.ndarray, path: Path
) -> None:
    """Write the linear baselines' scores, each fold's turned onto those of the first."""
    from adhd_cvae.analysis.seed_alignment import rotation

    columns = {}
    for name, frame in parts[0].baselines.items():
        turned = []
        for number, part in zip(np.unique(folds), parts, strict=True):
            scores, outside = part.baselines[name], folds != number
            fitted = outside & cohort.is_target if name == CONTRASTIVE_PCA else outside
            turned.append((scores @ rotation(scores, frame, fitted))[folds == number])
        scores = _joined(folds, turned)
        columns |= {unit_name(name, unit): scores[:, unit] for unit in range(scores.shape[1])}
    identity = table[["participant_id", "group"]]
    BASELINES.write(pd.concat([identity, pd.DataFrame(columns, table.index).astype(float)], axis=1), path)


def _write_decoded(
    run: Run,
    table: pd.DataFrame,
    model: "ContrastiveVAE",
    folds: np.ndarray,
    parts: Sequence["OutOfFold"],
    salient: np.ndarray,
) -> None:
    """Write what maps and pictures are made of."""
    from adhd_cvae.inference.decoding import registered_maps

    names, is_target = table["participant_id"].to_numpy(dtype=str), (table["group"] == TARGET).to_numpy()
    examples = parts[0].example_rows
    arrays = {
        "affine": np.array(read_json(run.paths.manifest)["affine"]),
        **registered_maps(model, salient[is_target], run.recipe.analysis.maps.traversal),
        "effect_participant_id": names[is_target],
        "effect_fold": folds[is_target],
        "controls_fold": np.unique(folds),
        "effect_of_controls": np.stack([part.effect_of_controls for part in parts]),
        "effect": _joined(folds[is_target], [part.effect for part in parts if len(part.effect)]),
        "example_participant_id": names[examples],
        "example_group": table["group"].to_numpy(str)[examples],
        "example": parts[0].examples,
        "participant_id": names,
        "reconstruction_error": _joined(folds, [part.unexplained for part in parts]),
        "pca_reconstruction_error": _joined(folds, [part.pca_unexplained for part in parts]),
    }
    DECODED.write(arrays, run.paths.decoded)
