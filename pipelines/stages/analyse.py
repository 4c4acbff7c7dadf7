"""Stage: cohort.tsv, latents.tsv and draws.npz in; analysis/, maps/ and figures/ out. Needs no torch."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from adhd_cvae.analysis.background import Truth, background_table, gain
from adhd_cvae.analysis.claim_checks import Study, Tables, checked_claims
from adhd_cvae.analysis.claims import OneCluster, Relation
from adhd_cvae.analysis.harmonisation import harmonisation_table, stages_of
from adhd_cvae.analysis.independence import independence_table
from adhd_cvae.analysis.mixture import mixture_table, mixture_test_table
from adhd_cvae.analysis.multiplicity import p_values
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.probes import probe_table
from adhd_cvae.analysis.recovery import Scoring, recovery_table
from adhd_cvae.analysis.rsa.as_published import as_published_table
from adhd_cvae.analysis.rsa.partial import Held
from adhd_cvae.analysis.rsa.table import rsa_table, with_noise_ceilings
from adhd_cvae.analysis.separation import separation_table
from adhd_cvae.analysis.silhouette import silhouette_table
from adhd_cvae.analysis.umap_projection import umap_table
from adhd_cvae.analysis.variables import Scale, numeric_values
from adhd_cvae.cohort.covariates import USUAL, chosen_covariates, constant_columns, fit_design, is_nominal
from adhd_cvae.config import AnalysisConfig, CohortConfig
from adhd_cvae.io import file_checksum
from adhd_cvae.names import OUT_OF_FOLD, SPLIT_LABELS, UNKNOWN
from bids_adapters.atlas import atlas_files
from pipelines.output_dir.analysis_inputs import AnalysisInputs, read_analysis_inputs
from pipelines.output_dir.bids_source import SIMULATED_TRUTH
from pipelines.output_dir.brain_maps import brain_tables
from pipelines.output_dir.group_scores import asked_of_groups
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance, Stage, images_fingerprint, settings_of
from pipelines.output_dir.run import Run
from pipelines.output_dir.table import read_table
from pipelines.output_dir.tables import ANALYSIS, HISTORY

Step = Callable[[], pd.DataFrame | None]


def run(run: Run, members: Mapping[int, OutputPaths] = MappingProxyType({})) -> None:
    """Compute every table the files allow, then the maps and figures.

    Parameters
    ----------
    members
        Of an average over several seeds: seed to the folder of its own model, whose claims are compared.

    Raises
    ------
    InputError
        A file is missing or names other participants, or none of the recipe's variables is there.
    """
    paths, recipe, progress = run.paths, run.recipe, run.progress
    inputs = read_analysis_inputs(paths, recipe.analysis)
    constant_columns(inputs.cohort, recipe.cohort.site, recipe.cohort)  # what is missing is named at once
    for text in inputs.warnings:
        progress.warning(text)
    provenance = Provenance.open(paths)
    truth = find_truth(paths.folder, provenance.content.get("bids_dir"))
    files = (
        *(paths.cohort, paths.latents, paths.draws, paths.decoded, paths.baselines, paths.history),
        *(paths.out_of_fold, paths.out_of_fold_arrays, paths.fold_scores),
    )
    sums = provenance.checksums(*files)
    if paths.images.is_file() and paths.folds.is_file():  # what 0.1 analysed, without the maps, stays done
        sums["images"] = images_fingerprint(paths.manifest)
    if truth is not None:
        sums["truth"] = file_checksum(truth)
    sums |= {file.name: file_checksum(file) for file in atlas_files(recipe.analysis.atlas)}
    for seed, own in members.items():
        found = Provenance.open(own).checksums(*map(own.table, Tables._fields))
        sums |= {f"{name} of seed {seed}": checksum for name, checksum in found.items()}
    stage = Stage(
        name="analyse",
        settings=settings_of(
            recipe,
            *("seed", "analysis", *recipe.cohort.adjusting),
            *(f"cohort.{name}" for name in ("covariates", "missing_covariates", "age_trend")),
        ),
        inputs=sums,
        outputs=("analysis", "maps", "figures"),
        clears=("analysis", "maps", "figures"),
    )

    def work() -> None:
        with progress.bar("Analysing") as tick:
            steps = tables(run, inputs, truth, lambda note: tick(0, len(steps), note), members)
            for done, (name, step) in enumerate(steps.items()):
                tick(done, len(steps), name)
                table = step()
                if table is not None:
                    ANALYSIS[name].write(
                        table, paths.table(name), origin={"Codes": SPLIT_LABELS[_split(inputs)]}
                    )
            tick(len(steps), len(steps))
        plot(run)

    provenance.perform(stage, run, work)


def tables(
    run: Run,
    inputs: AnalysisInputs,
    truth: Path | None,
    note: Callable[[str], None],
    members: Mapping[int, OutputPaths] = MappingProxyType({}),
) -> dict[str, Step]:
    """Name each table of ``analysis/`` and what computes it; long ones note how far they are."""
    settings, seed, paths = run.recipe.analysis, run.recipe.seed, run.paths
    dear = min(settings.permutations, settings.dear_permutations)
    of_all = _inference(settings, seed, inputs.cohort)
    steps = _patient_tables(run, inputs, note)
    steps["separation"] = lambda: separation_table(
        asked_of_groups(run, inputs),
        of_all,
        settings.separation,
        settings.refits,
        lambda done, total: note(f"separation, {done} of {total} refits"),
    )
    steps["independence"] = lambda: independence_table(
        inputs.spaces,
        inputs.is_patient,
        replace(of_all, permutations=dear).within(inputs.folds),
        critic_accuracy=critic_accuracy(paths.history),
        active_variance=settings.active_variance,
    )
    steps["harmonisation"] = lambda: _harmonisation(run, inputs, replace(of_all, permutations=dear))
    if settings.claims:
        steps |= _claim_tables(run, inputs, members)
    steps |= brain_tables(
        run, inputs.cohort, lambda rows: replace(_inference(settings, seed, rows), permutations=dear)
    )
    scoring = Scoring(settings.folds, settings.fold_shuffles, seed, settings.sizes.minimum)
    if truth is not None:
        steps["recovery"] = lambda: recovery(inputs, truth, scoring)
    if run.recipe.cohort.background_from:
        known = None if truth is None else Truth(_planted(inputs, truth), scoring)
        steps["background"] = lambda: _background(run, inputs, of_all, known)
    steps["p_values"] = lambda: p_values(_written(paths))
    return steps


def _patient_tables(run: Run, inputs: AnalysisInputs, note: Callable[[str], None]) -> dict[str, Step]:
    """Name each table about the patients' codes."""
    settings, seed = run.recipe.analysis, run.recipe.seed
    spaces, samples, patients = inputs.patients()
    inference = _inference(settings, seed, patients)
    dear = replace(inference, permutations=min(settings.permutations, settings.dear_permutations))

    def rsa() -> pd.DataFrame:
        table = rsa_table(
            spaces,
            patients,
            inputs.scales,
            inference,
            held=_held(patients, inputs.cohort, run.recipe.cohort),
            partial=settings.partial,
            progress=lambda done, total: note(f"rsa, {done} of {total} cells"),
        )
        return with_noise_ceilings(table, spaces, samples, settings.sizes)

    return {
        "rsa": rsa,
        "as_published": lambda: as_published_table(samples, patients, inputs.scales),
        "silhouette": lambda: silhouette_table(spaces, patients, inputs.scales, dear),
        "mixture": lambda: mixture_table(
            samples, max_components=settings.max_components, seed=seed, n_jobs=-1
        ),
        "mixture_test": lambda: mixture_test_table(
            spaces,
            replace(inference, bootstraps=min(settings.bootstraps, settings.mixture_bootstraps)),
            n_jobs=-1,
        ),
        "umap": lambda: umap_table(
            spaces,
            patients["participant_id"].astype(str).tolist(),
            seed,
            neighbours=settings.umap_neighbours,
            minimum=settings.sizes.minimum,
        ),
        "probes": lambda: probe_table(spaces, patients, inputs.scales, dear, folds=settings.folds),
    }


def _background(
    run: Run, inputs: AnalysisInputs, inference: Inference, truth: Truth | None
) -> pd.DataFrame | None:
    """What was borrowed and what it changed, shown too; None where models of folds cannot be fitted again."""
    asked = asked_of_groups(run, inputs)
    if asked.refit is None:
        return None
    table = background_table(asked.refit, asked.groups, inference, truth)
    run.progress.line(f"borrowed background: {gain(table)}")
    return table


def _harmonisation(run: Run, inputs: AnalysisInputs, inference: Inference) -> pd.DataFrame:
    """What maps and codes hold of site and of the covariates that the cohort has."""
    cohort, settings = inputs.cohort, run.recipe.cohort
    codes = stages_of(inputs.spaces, asked_of_groups(run, inputs).refit, inputs.is_patient)
    site = settings.site if settings.site in cohort else None
    names = dict.fromkeys((*USUAL, *(settings.covariates or ())))
    scales: dict[str, Scale] = {
        name: "nominal" if is_nominal(pd.Series(cohort[name])) else "ratio"
        for name in names
        if name in cohort
    }
    return harmonisation_table(codes, cohort, site, scales, inference, folds=run.recipe.analysis.folds)


def _claim_tables(run: Run, inputs: AnalysisInputs, members: Mapping[int, OutputPaths]) -> dict[str, Step]:
    """Judge claims by the tables just written, and ask them again, also of the members of an average."""
    settings, (spaces, _, patients) = run.recipe.analysis, inputs.patients()
    folds = None if inputs.folds is None else inputs.folds[inputs.is_patient]
    inference = _inference(settings, run.recipe.seed, patients)
    asked = [
        OneCluster(claim.space) if claim.one_cluster else Relation(claim.space, claim.name, claim.columns)
        for claim in settings.claims
    ]

    def read(paths: OutputPaths) -> Tables:
        return Tables(*(ANALYSIS[name].read(paths.table(name)) for name in Tables._fields))

    @cache
    def checked() -> tuple[pd.DataFrame, pd.DataFrame]:
        return checked_claims(
            asked,
            read(run.paths),
            Study(spaces, patients, inputs.scales, inference, folds),
            seeds={seed: read(own) for seed, own in members.items()},
            permutations=settings.claim_permutations,
        )

    return {"claims": lambda: checked()[0], "claim_checks": lambda: checked()[1]}


def _written(paths: OutputPaths) -> dict[str, pd.DataFrame]:
    """Every table of ``analysis/``."""
    return {
        name: table.read(paths.table(name)) for name, table in ANALYSIS.items() if paths.table(name).is_file()
    }


def _inference(settings: AnalysisConfig, seed: int, cohort: pd.DataFrame) -> Inference:
    """How chance and uncertainty are estimated among these participants."""
    within = settings.permute_within
    strata = None if within is None else pd.Series(cohort[within])
    return Inference(settings.permutations, settings.bootstraps, seed, strata, settings.sizes)


def _held(patients: pd.DataFrame, cohort: pd.DataFrame, settings: CohortConfig) -> Held:
    """What a partial relation holds constant: the site, and the covariates, which are learnt from everybody."""
    names = chosen_covariates(cohort, settings)
    design = fit_design(cohort, np.arange(len(cohort)), names, settings)
    of_columns = [column.name for column in design.columns for _ in range(column.of(patients).shape[1])]
    sites = None
    if settings.site in patients and not (found := pd.Series(patients[settings.site])).isna().all():
        sites = numeric_values(found, "nominal")
    return Held(design.of(patients), tuple(of_columns), sites, str(settings.site))


def critic_accuracy(history: Path) -> float | None:
    """Accuracy of the critic on training batches in the epoch that was kept.

    None where no model was trained here, or its start was kept, which no critic saw.
    """
    if not history.is_file():
        return None
    rows = HISTORY.read(history)
    epochs = pd.DataFrame(rows[rows["model"] == "cvae"]).sort_values("validation_loss")
    kept = epochs["critic_accuracy"].iloc[0]
    return None if pd.isna(kept) else float(kept)


def find_truth(folder: Path, bids_dir: str | None) -> Path | None:
    """Find the planted factors beside the data of a simulated cohort, named from `folder`; None for real data."""
    truth = folder / bids_dir / SIMULATED_TRUTH if bids_dir else None
    return truth if truth is not None and truth.is_file() else None


def recovery(inputs: AnalysisInputs, truth: Path, scoring: Scoring) -> pd.DataFrame:
    """Score how well the planted severities can be predicted from each space and each linear baseline."""
    return recovery_table(
        {**inputs.spaces, **inputs.baselines},
        inputs.is_patient,
        _planted(inputs, truth),
        scoring,
        split=_split(inputs),
    )


def _planted(inputs: AnalysisInputs, truth: Path) -> pd.DataFrame:
    planted = read_table(truth, "simulate").set_index("participant_id").reindex(inputs.participants)
    return planted.reset_index(drop=True)


def _split(inputs: AnalysisInputs) -> str:
    """Whether the codes are of models that have not met the participants."""
    return UNKNOWN if inputs.folds is None else OUT_OF_FOLD


def plot(run: Run) -> None:
    """Plot every figure that the tables allow."""
    from pipelines.output_dir.results import Results
    from pipelines.report.figures import plot_figures

    with run.progress.bar("Drawing figures") as tick:
        plot_figures(Results(run.paths.folder), tick)
