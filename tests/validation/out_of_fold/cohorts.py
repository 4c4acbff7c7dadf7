"""One simulated cohort through the chain of `run … group` up to its tables, in memory but for a folder of its own."""

import re
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from adhd_cvae.analysis.claims import SUPPORTED
from adhd_cvae.analysis.group_measures import AUC, BEYOND
from adhd_cvae.analysis.permutation import permuted_orders
from adhd_cvae.cohort.folds import deal_folds
from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images.resampling import grid_affine, to_grid
from adhd_cvae.inference.adjustment import adjusted, fit_adjustment, fitted_rows, save_adjustment
from adhd_cvae.io import write_json, write_tsv
from adhd_cvae.models.reference_background import fit_reference
from adhd_cvae.names import ALPHA, BACKGROUND, TARGET, rows_of
from adhd_cvae.simulation.cohort import SimulatedCohort, SimulationConfig
from adhd_cvae.simulation.participants import HEAD_SIZE_SD
from adhd_cvae.training.train import train
from pipelines.benchmarks.separation.cohorts import simulate_maps
from pipelines.benchmarks.separation.grid import Condition
from pipelines.benchmarks.separation.lenders import lenders
from pipelines.output_dir.analysis_inputs import AnalysisInputs, read_analysis_inputs
from pipelines.output_dir.folds import write_folds
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.results import Results
from pipelines.output_dir.run import Run
from pipelines.output_dir.tables import ANALYSIS, COHORT
from pipelines.progress import Silent
from pipelines.recipes.borrowed import Source, borrow
from pipelines.recipes.loader import load_recipe
from pipelines.stages import analyse, embed
from tests.validation.out_of_fold.faults import codes_moved, seeded
from tests.validation.out_of_fold.new_participants import NEW, rows_of_new

SYMPTOMS = ("adhd_index", "inattentive", "hyper_impulsive")
"""Variables that no map of a cohort without a planted effect knows of; age, sex, IQ and site have effects on all."""
TABLES = (
    "separation",
    "group_maps",
    "rsa",
    "mixture",
    "mixture_test",
    "independence",
    "claims",
    "recovery",
    "harmonisation",
)

COLUMNS = ["test", "value", "null_mean", "p_value", "in_sample"]
TRUTH = "truth.tsv"
OTHERS = "codes that a held-out map moves"
HSIC, STRANGERS = "hsic", "hsic of one's s and another's z"


_STEEPER = 1.35
"""Than odds of a straight line, of which chance and sites take a quarter: gaps come out as asked (60 cohorts)."""


class Kind(NamedTuple):
    """Cohorts that differ in their seed alone."""

    participants: int
    cohens_d: float
    """0: sites differ in maps and in the share of patients, and nothing else tells the groups."""
    site_confound: float = 0.6
    age_gap: float = 0
    """Years that patients are older, by who is dealt to be a patient."""
    head_size_gap: float | None = None
    """Standard deviations of head size that theirs are larger, likewise; None: heads are alike."""
    settings: tuple[str, ...] = ()
    """Of the recipe, ``key=value``."""
    lent: str = ""
    """Healthy people elsewhere whom models may borrow from, of `LENT`."""

    @property
    def key(self) -> str:
        """Name of its files."""
        gaps = f"_a-{self.age_gap:g}" if self.age_gap else ""
        gaps += f"_h-{self.head_size_gap:g}" if self.head_size_gap is not None else ""
        settings = "".join(f"_{re.sub(r'[^a-z0-9]+', '-', one)}" for one in self.settings)
        lent = f"_l-{self.lent}" if self.lent else ""
        return f"n-{self.participants}_d-{self.cohens_d:g}_c-{self.site_confound:g}{gaps}{settings}{lent}"


LENT = {"fitting": 0.0, "alien": 0.0, "half": 0.5, "all": 1.0}
"""Lenders like the cohort, of another population, and like it with this share of its own controls among them."""
LENDERS = 500
REFUSED = "refused what was lent"


class Asked(NamedTuple):
    """What is asked of each cohort."""

    tables: Collection[str] = TABLES
    refits: int = 99
    """Permutations of the groups that fit every fold's model again."""
    fault: str | None = None
    """One of `FAULTS`."""


EVERYTHING = Asked()


def campaign_settings(seed: int, refits: int, settings: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Settings beside the recipe demo: 6 mm, the linear model, and few permutations where a p-value is one of many."""
    return (
        *("image.shape=[32, 32, 32]", "image.voxel_size=6", "training.epochs=0", "training.vae=false"),
        *("analysis.permutations=199", "analysis.bootstraps=20", "analysis.max_components=2"),
        *(f"analysis.refits={refits}", f"seed={seed}"),
        f"analysis.variables=[{', '.join(f'{{name: {name}, scale: ratio}}' for name in SYMPTOMS)}]",
        "analysis.batteries={}",
        *settings,
    )


def measured(kind: Kind, seed: int, asked: Asked = EVERYTHING) -> pd.DataFrame:
    """Everything asked of one cohort: `test`, `value`, `null_mean`, `p_value`, and `seconds` of the processor."""
    started = time.process_time()
    borrows = ("cohort.background_from=[lenders]",) if kind.lent else ()
    recipe = load_recipe("demo", campaign_settings(seed, asked.refits, (*kind.settings, *borrows)))
    config = SimulationConfig(
        participants=kind.participants,
        seed=seed,
        cohens_d=kind.cohens_d,
        site_confound=kind.site_confound,
        resolution=6,
        head_size_gap=None if kind.head_size_gap is None else 0.0,
    )
    with TemporaryDirectory() as folder, seeded(asked.fault):
        run = Run(OutputPaths(Path(folder)), recipe, Silent())
        regions = _prepared(run, config, kind)
        simulated = time.process_time() - started
        is_refused = bool(kind.lent) and not run.paths.borrowed.exists()
        rows: list[dict[str, Any]] = [{"test": REFUSED, "value": float(is_refused)}] if kind.lent else []
        rows += rows_of_new(run, config) if NEW in asked.tables and not is_refused else []
        if set(asked.tables) - {NEW} and not is_refused:
            rows += [
                *headlines(tables_of(run, asked.tables), regions, run),
                {"test": OTHERS, "value": codes_moved(run)},
            ]
    spent = {"seconds": time.process_time() - started - simulated, "simulating": simulated}
    return pd.DataFrame(rows, columns=COLUMNS).assign(
        n=kind.participants, cohens_d=kind.cohens_d, seed=seed, **spent
    )


def _prepared(run: Run, config: SimulationConfig, kind: Kind) -> np.ndarray:
    """Write what `prepare` and `train` would; give the planted regions, (x, y, z) bool."""
    recipe, paths = run.recipe, run.paths
    cohort = simulate_maps(config, recipe.cohort.site, recipe.image)
    names = [f"sub-{number:04d}" for number in range(len(cohort.table))]
    table = cohort.table.assign(participant_id=names, image="n/a")
    columns = ["participant_id", "image", "group", *SYMPTOMS, "site", "age", "sex", *cohort.factors]
    columns += [name for name in ("tiv",) if name in table]
    table = pd.DataFrame(table[columns])
    if not config.cohens_d:
        table = without_a_difference(table, config.seed, kind)
    with owned(paths.folder):
        COHORT.write(table, paths.cohort)
        write_tsv(pd.DataFrame(table[["participant_id", *cohort.factors]]), paths.folder / TRUTH)
        folds = deal_folds(table, recipe.cohort.folds, recipe.seed, recipe.cohort.site)
        write_folds(table, folds, paths)
        paths.cache.mkdir()
        np.save(paths.images, cohort.images)
        write_json({"affine": grid_affine(recipe.image).tolist(), "maps": [], "settings": {}}, paths.manifest)
        everybody = fitted_rows(table, np.ones(len(table), bool), recipe)
        adjustment = fit_adjustment(cohort.images, table, everybody, recipe)
        if kind.lent and not _borrows(run, kind, cohort.images, table):
            return np.zeros(recipe.image.shape, bool)
        images = adjusted(cohort.images, adjustment, table)
        train(images, table, recipe, paths.checkpoints, reference=run.borrowed())
        if adjustment is not None:
            save_adjustment(adjustment, paths.adjustment)
    return planted_regions(SimulatedCohort(config), recipe.image)


def _borrows(run: Run, kind: Kind, images: np.ndarray, table: pd.DataFrame) -> bool:
    """Whether what lenders teach is taken as `prepare` would take it, rather than refused."""
    population = "population" if kind.lent == "alien" else "alike"
    found, own = (
        lenders(Condition(lent=population), LENDERS, run.recipe.image),
        images[table["group"] == BACKGROUND],
    )
    own = own[: round(LENT[kind.lent] * len(own))]
    sites = [*map(str, found.sites), *table["site"].astype(str)[table["group"] == BACKGROUND][: len(own)]]
    values = np.concatenate([found.images, own]).reshape(LENDERS + len(own), -1)
    mask = np.flatnonzero(values.mean(axis=0, dtype=np.float32) > run.recipe.image.mask_threshold)
    source = Source("lenders", fit_reference(values, sites, columns=mask), {})
    try:
        borrow([source], images, table, run.recipe, run.paths.borrowed)
    except InputError:
        return False
    return True


def planted_regions(cohort: SimulatedCohort, image: ImageConfig) -> np.ndarray:
    """Voxels of a grid in which patients lose gray matter, (x, y, z) bool."""
    weights = [cohort.atlas.factors[name] for name in cohort.config.regions]
    shown = [to_grid(weight, cohort.affine, image, 0) for weight in weights]
    return np.max([weight > 0.25 * weight.max() for weight in shown], axis=0)


def without_a_difference(table: pd.DataFrame, seed: int, kind: Kind) -> pd.DataFrame:
    """Deal group and symptoms out anew within sites: simulated patients differ in sex and IQ, which maps show.

    With a gap the older, or those with larger heads, are likelier to become patients, so that nothing else differs.
    """
    rng, dealt = np.random.default_rng(seed), table.copy()
    odds = np.zeros(len(table))
    for name, gap, unit in (("age", kind.age_gap, 1.0), ("tiv", kind.head_size_gap or 0.0, HEAD_SIZE_SD)):
        if gap:
            odds += _STEEPER * gap * unit / np.var(table[name]) * table[name].to_numpy()
    order = odds + rng.logistic(size=len(table))
    for site in np.unique(table["site"]):
        rows = np.flatnonzero(table["site"] == site)
        columns = [dealt.columns.get_loc(name) for name in ("group", *SYMPTOMS)]
        theirs = rng.permutation(rows)
        theirs = theirs[
            np.argsort(table["group"].to_numpy()[theirs] == TARGET, kind="stable")
        ]  # patients last
        dealt.iloc[rows[np.argsort(order[rows])], columns] = table.iloc[theirs, columns].to_numpy()
    return dealt


def tables_of(run: Run, asked: Collection[str]) -> dict[str, pd.DataFrame]:
    """Embed what was trained, and make the tables asked for."""
    with owned(run.paths.folder):
        embed.run(run)
        inputs = read_analysis_inputs(run.paths, run.recipe.analysis)
        truth = run.paths.folder / TRUTH
        steps = analyse.tables(run, inputs, truth, lambda note: None)
        found = {}
        for name in TABLES:
            if name in steps and name in asked and (table := steps[name]()) is not None:
                ANALYSIS[name].write(table, run.paths.table(name))
                found[name] = table
        if "independence" in found:
            found["independence"] = pd.concat([found["independence"], _hsic_of_strangers(run, inputs)])
    return found


def _hsic_of_strangers(run: Run, inputs: AnalysisInputs) -> pd.DataFrame:
    """HSIC where everybody's z is that of another of their fold, site and group: s and z are independent."""
    who = ["fold", "group", run.recipe.cohort.site]
    strata = inputs.cohort.groupby(who, sort=False).ngroup().to_numpy()
    order = permuted_orders(np.random.default_rng(run.recipe.seed), strata, 1)[0]
    mixed = {**inputs.spaces, BACKGROUND: inputs.spaces[BACKGROUND][order]}
    steps = analyse.tables(run, replace(inputs, spaces=mixed), run.paths.folder / TRUTH, lambda note: None)
    table = pd.DataFrame(steps["independence"]())
    return table[table["measure"] == HSIC].assign(measure=STRANGERS)


def headlines(found: dict[str, pd.DataFrame], regions: np.ndarray, run: Run) -> list[dict[str, Any]]:
    """One row a test of the tables; `regions` are where effects were planted, (x, y, z) bool."""
    found = {name: found.get(name, pd.DataFrame(columns=list(ANALYSIS[name].columns))) for name in TABLES}
    separation = found["separation"]
    headline = separation["site"].isna() & separation["measure"].isin([AUC, BEYOND])
    rows: list[dict[str, Any]] = [
        {
            "test": f"{row['space']} {row['measure']}",
            **{name: row[name] for name in ("value", "null_mean", "p_value", "in_sample")},
        }
        for row in rows_of(pd.DataFrame(separation[headline]))
    ]
    maps = found["group_maps"]
    rows += [
        {"test": "group maps, any voxel", "value": _overlap(run, regions), "p_value": row["p_value"]}
        for row in rows_of(pd.DataFrame(maps[maps["map"] == "group"]))
    ]
    rows += [
        {"test": f"rsa {row['space']}", "value": row["tau"], "p_value": row["p_value"]}
        for row in rows_of(found["rsa"])
        if row["variable"] in SYMPTOMS
    ]
    rows += [
        {"test": f"mixture {row['space']} {row['covariance']}", "p_value": row["p_value"]}
        for row in rows_of(found["mixture_test"])
    ]
    independence = found["independence"]
    rows += [
        {"test": row["measure"], "value": row["value"], "p_value": row["p_value"]}
        for row in rows_of(pd.DataFrame(independence[independence["measure"].isin([HSIC, STRANGERS])]))
    ]
    rows += [
        {"test": f"{row['target']} from {row['space']} {row['stage']}, {row['group']}"}
        | {"value": row["score"], "null_mean": row["null_mean"]}
        for row in rows_of(found["harmonisation"])
    ]
    rows += [
        {"test": f"recovery from {row['space']}, {row['metric']}", "value": row["score"]}
        for row in rows_of(found["recovery"])
        if row["metric"] == "r"
    ]
    claimed = found["claims"]
    rows += [
        {"test": f"claim: {row['claim']}", "value": float(row["verdict"] == SUPPORTED)}
        for row in rows_of(claimed)
    ]
    return rows


def _overlap(run: Run, regions: np.ndarray) -> float:
    """Dice coefficient of the planted regions and the voxels of corrected p < 0.05."""
    image = Results(run.paths.folder).brain_map("groupP")
    if image is None:
        return float("nan")
    found = image.get_fdata() < ALPHA
    return float(2 * (found & regions).sum() / max(found.sum() + regions.sum(), 1))
