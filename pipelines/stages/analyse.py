"""Stage: cohort.tsv, latents.tsv and draws.npz in; analysis/, maps/ and figures/ out. Needs no torch."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from adhd_cvae.analysis.as_published import as_published_table
from adhd_cvae.analysis.claims import OneCluster, Relation, claims_table
from adhd_cvae.analysis.independence import independence_table
from adhd_cvae.analysis.mixture import BOOTSTRAPS, mixture_test_table
from adhd_cvae.analysis.probes import probe_table
from adhd_cvae.analysis.recovery import recovery_table
from adhd_cvae.analysis.rsa.table import rsa_table
from adhd_cvae.analysis.silhouette import mixture_table, silhouette_table
from adhd_cvae.analysis.umap_projection import umap_table
from adhd_cvae.config import AnalysisConfig, Recipe
from adhd_cvae.io import file_checksum, read_tsv, write_tsv
from adhd_cvae.names import SALIENT
from bids_adapters.atlas import atlas_files
from pipelines.output_dir.analysis_inputs import AnalysisInputs, Scale, read_analysis_inputs
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance, Stage, settings_of
from pipelines.output_dir.run import Run
from pipelines.progress import Progress
from pipelines.stages.brain_maps import BrainResults

CROSS_VALIDATED_PERMUTATIONS = 1000
"""Most rearrangements where each is dear, such as a cross-validation of its own."""
TRUTH = Path("phenotype") / "simulated_truth.tsv"
Step = Callable[[], pd.DataFrame | None]


def run(run: Run) -> None:
    """Compute every table the files allow, then the maps and figures.

    Raises
    ------
    InputError
        A file is missing or names other participants, or none of the recipe's variables is there.
    """
    paths, recipe, progress = run.paths, run.recipe, run.progress
    evidence = read_analysis_inputs(paths, recipe.analysis)
    for text in evidence.warnings:
        progress.warning(text)
    record = Provenance.open(paths)
    truth = find_truth(paths, record)
    inputs = record.checksums(
        paths.cohort, paths.latents, paths.draws, paths.decoded, paths.baselines, paths.history
    )
    if truth is not None:
        inputs["truth"] = file_checksum(truth)
    inputs |= {file.name: file_checksum(file) for file in atlas_files(recipe.analysis.atlas)}
    stage = Stage(
        name="analyse",
        settings=settings_of(recipe, "seed", "analysis"),
        inputs=inputs,
        outputs=("analysis", "maps", "figures"),
        clears=("analysis", "maps", "figures"),
    )

    def work() -> None:
        with progress.bar("Analysing") as tick:
            steps = tables(paths, recipe, evidence, truth, lambda note: tick(0, len(steps), note))
            for done, (name, step) in enumerate(steps.items()):
                tick(done, len(steps), name)
                table = step()
                if table is not None:
                    write_tsv(table, paths.table(name))
            tick(len(steps), len(steps), "")
        draw(paths, progress)

    record.perform(stage, recipe, work, progress, run.overwrite)


def tables(
    paths: OutputPaths,
    recipe: Recipe,
    evidence: AnalysisInputs,
    truth: Path | None,
    note: Callable[[str], None],
) -> dict[str, Step]:
    """Name each table of ``analysis/`` and what computes it; the first, and longest, notes how far it is."""
    settings, seed = recipe.analysis, recipe.seed
    spaces, draws, patients = evidence.patients()
    scales = evidence.scales
    strata = _strata(patients, recipe)
    steps: dict[str, Step] = {
        "rsa": lambda: rsa_table(
            spaces,
            patients,
            scales,
            controls=_controls(patients, recipe),
            draws=draws,
            permutations=settings.permutations,
            bootstraps=settings.bootstraps,
            seed=seed,
            strata=strata,
            progress=lambda done, total: note(f"rsa, {done} of {total} cells"),
        ),
        "as_published": lambda: as_published_table(draws, patients, scales),
        "silhouette": lambda: silhouette_table(
            spaces,
            patients,
            scales,
            permutations=min(settings.permutations, CROSS_VALIDATED_PERMUTATIONS),
            bootstraps=settings.bootstraps,
            seed=seed,
            strata=strata,
        ),
        "mixture": lambda: mixture_table(draws, max_components=settings.max_components, seed=seed, n_jobs=-1),
        "mixture_test": lambda: mixture_test_table(
            spaces, bootstraps=min(settings.bootstraps, BOOTSTRAPS), seed=seed, n_jobs=-1
        ),
        "umap": lambda: umap_table(evidence.spaces, evidence.participants, seed),
        "probes": lambda: probes(evidence, recipe),
        "independence": lambda: independence(paths, recipe, evidence),
    }
    if settings.claims:
        steps["claims"] = lambda: claims(paths, settings)
    if paths.decoded.is_file():
        steps |= BrainResults(paths, evidence, recipe).steps
    if truth is not None:
        steps["recovery"] = lambda: recovery(evidence, truth, seed)
    return steps


def claims(paths: OutputPaths, settings: AnalysisConfig) -> pd.DataFrame:
    """Judge the recipe's claims by the tables just written."""
    said = [
        OneCluster(claim.space) if claim.one_cluster else Relation(claim.space, claim.name, claim.columns)
        for claim in settings.claims
    ]
    return claims_table(said, *(read_tsv(paths.table(name)) for name in ("rsa", "mixture", "mixture_test")))


def _strata(cohort: pd.DataFrame, recipe: Recipe) -> pd.Series | None:
    """Within what participants are permuted, None for freely."""
    within = recipe.analysis.permute_within
    return None if within is None else pd.Series(cohort[within])


def _controls(cohort: pd.DataFrame, recipe: Recipe) -> dict[str, Scale]:
    """Find what a partial relation holds constant: site and age, where the cohort has values of them."""
    asked: list[tuple[str | None, Scale]] = [(recipe.cohort.site, "nominal"), ("age", "ratio")]
    filled = set(cohort.columns[cohort.notna().any()])
    return {name: scale for name, scale in asked if name is not None and name in filled}


def probes(evidence: AnalysisInputs, recipe: Recipe) -> pd.DataFrame:
    """Ask each space for the variables in held-out patients, the shared ones for the group in everybody."""
    permutations = min(recipe.analysis.permutations, CROSS_VALIDATED_PERMUTATIONS)
    shared = {name: values for name, values in evidence.spaces.items() if name != SALIENT}
    everybody = probe_table(
        shared,
        pd.DataFrame({"group": evidence.cohort["group"]}),
        {"group": "nominal"},
        evidence.is_held_out,
        strata=_strata(evidence.cohort, recipe),
        permutations=permutations,
        seed=recipe.seed,
    )
    patients = probe_table(
        evidence.spaces,
        evidence.cohort,
        evidence.scales,
        evidence.is_held_out & evidence.is_patient,
        strata=_strata(evidence.cohort, recipe),
        permutations=permutations,
        seed=recipe.seed,
    )
    return pd.concat([everybody, patients], ignore_index=True)


def independence(paths: OutputPaths, recipe: Recipe, evidence: AnalysisInputs) -> pd.DataFrame:
    """Measure dependence between the spaces; beside it the critic's accuracy in the epoch that was kept."""
    return independence_table(
        evidence.spaces,
        evidence.is_patient,
        critic_accuracy=_critic_accuracy(paths),
        strata=_strata(evidence.cohort, recipe),
        permutations=min(recipe.analysis.permutations, CROSS_VALIDATED_PERMUTATIONS),
        seed=recipe.seed,
    )


def _critic_accuracy(paths: OutputPaths) -> float | None:
    """On training batches; None where no model was trained here, or its start was kept, which no critic saw."""
    if not paths.history.is_file():
        return None
    history = read_tsv(paths.history)
    epochs = pd.DataFrame(history[history["model"] == "cvae"]).sort_values("validation_loss")
    kept = epochs["critic_accuracy"].iloc[0]
    return None if pd.isna(kept) else float(kept)


def find_truth(paths: OutputPaths, record: Provenance) -> Path | None:
    """Find the planted factors beside the data of a simulated cohort; None for real data."""
    place = record.content.get("bids_dir")
    truth = paths.folder / place / TRUTH if place else None
    return truth if truth is not None and truth.is_file() else None


def recovery(evidence: AnalysisInputs, truth: Path, seed: int) -> pd.DataFrame:
    """Score how well each space, and each linear baseline, tells the planted severities."""
    planted = read_tsv(truth).set_index("participant_id").reindex(evidence.participants)
    return recovery_table(
        {**evidence.spaces, **evidence.baselines},
        evidence.cohort["split"].to_numpy(),
        evidence.is_patient,
        planted.reset_index(drop=True),
        seed=seed,
    )


def draw(paths: OutputPaths, progress: Progress) -> None:
    """Draw every figure that the tables allow."""
    from pipelines.output_dir.results import Results
    from pipelines.report.figures import plot_figures

    with progress.bar("Drawing figures") as tick:
        plot_figures(Results(paths.folder), lambda done, total: tick(done, total, ""))
