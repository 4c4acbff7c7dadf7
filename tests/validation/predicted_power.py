"""Is the power that `sensitivity` predicts from a lab's controls the power of cohorts with real patients?

    python -m tests.validation.predicted_power FOLDER --labs 10 --cohorts 40 --fresh 400
    python -m tests.validation.predicted_power FOLDER --null 400 --phenotype TABLE
    python -m tests.validation.predicted_power FOLDER --null 60 --phenotype TABLE --fault leaky

Labs and cohorts are simulated, of one population; a table's labs have its sites, ages, sexes and groups.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import pandas as pd
import typer
from joblib import Parallel, delayed, parallel_config
from scipy.stats import binomtest

from adhd_cvae.analysis.group_measures import AUC
from adhd_cvae.analysis.refits import Fold, Refit
from adhd_cvae.config import Recipe
from adhd_cvae.images.resampling import grid_affine, to_grid
from adhd_cvae.inference.out_of_fold import Cohort
from adhd_cvae.io import read_tsv, remove_partial_files, write_tsv
from adhd_cvae.names import ALPHA, BACKGROUND, SALIENT, TARGET
from adhd_cvae.simulation.anatomy import BLOB_SIGMA
from adhd_cvae.simulation.cohort import FACTORS, SimulatedCohort, SimulationConfig
from adhd_cvae.simulation.planting import Planting, region_weights
from bids_adapters.phenotype.table import read_phenotype
from pipelines.benchmarks.separation.cohorts import simulate_maps
from pipelines.cli.options import Jobs, OutputDir
from pipelines.progress import for_this_terminal
from pipelines.recipes.loader import load_recipe
from pipelines.sensitivity import chain
from pipelines.sensitivity.cells import Cell, Laboratory
from pipelines.sensitivity.chain import DICE, Planted, R
from tests.validation.out_of_fold.cohorts import campaign_settings
from tests.validation.out_of_fold.faults import Faults, seeded
from tests.validation.real_table import AtTheirSites

EFFECTS = (0.3, 0.5, 0.8, 1.2)
CONTROLS = 60
"""Of a lab, and participants of every cohort: half of them patients."""
FIRST_LAB, FIRST_FRESH = 5000, 6000
"""Seeds that nothing was chosen on."""
OF_TABLE = 0.25
"""Of a table's controls, who are some hundreds, in a cohort."""
PLANTED = tuple(FACTORS)[:2]
"""Severities of a simulated cohort."""
HEADLINES = {(AUC, SALIENT), (R, SALIENT), (DICE, "maps")}


def recipe_of(seed: int) -> Recipe:
    """Settings of the campaigns, and what `simulate` plants."""
    regions = {
        name: {"centres": [list(one) for one in FACTORS[name]], "radius": BLOB_SIGMA} for name in PLANTED
    }
    settings = (
        *campaign_settings(seed, 19),
        "sensitivity.permutations=99",
        f"sensitivity.severities={regions}",
    )
    return load_recipe("demo", settings)


@dataclass(frozen=True)
class Lab(Laboratory):
    """A laboratory in memory."""

    maps_of_controls: Planting

    @property
    def planting(self) -> Planting:
        """The controls' maps, and what can be planted in them."""
        return self.maps_of_controls


@lru_cache(1)  # cells of a lab come one after another
def lab_of(seed: int, phenotype: Path | None) -> Lab:
    """Simulate a lab's table and the maps of its controls."""
    recipe = recipe_of(seed)
    config = SimulationConfig(participants=2 * CONTROLS, seed=seed, cohens_d=0, resolution=6)
    if phenotype is None:
        cohort, table = (one := SimulatedCohort(config)), one.participants
    else:
        table = read_phenotype([phenotype]).table
        table = pd.DataFrame(table[table["dx"].notna()]).reset_index(drop=True)
        cohort = AtTheirSites(config, table)
        table = table.assign(sex=table["sex"].fillna(table["sex"].mode().iloc[0]))
    table = table.assign(group=np.where(table["dx"].astype(float) > 0, TARGET, BACKGROUND))
    rows = np.flatnonzero(table["group"] == BACKGROUND)
    weights = np.stack(
        list(region_weights(recipe.sensitivity, cohort.atlas.template.shape, cohort.affine).values())
    )
    images, within, volumes, removed = [], [], [], []
    for row in rows:
        brain = cohort.map(int(row))
        images.append(to_grid(brain, cohort.affine, recipe.image, recipe.image.fwhm))
        within.append([to_grid(w * brain, cohort.affine, recipe.image, recipe.image.fwhm) for w in weights])
        volumes.append([float((w * brain).sum()) for w in weights])
        removed.append([[float((w * other * brain).sum()) for other in weights] for w in weights])
    planting = Planting(
        PLANTED,
        images=np.asarray(images, np.float16),
        within=np.asarray(within, np.float16),
        volumes=np.asarray(volumes),
        removed=np.asarray(removed),
    )
    place = Path()
    kept = [name for name in ("participant_id", "site", "age", "sex", "group") if name in table]
    return Lab(place, place, place, place, recipe, pd.DataFrame(table[kept]), planting)


def fresh(seed: int, cohens_d: float) -> Planted:
    """A cohort with patients of its own, who differ in what is planted and, held constant, in sex."""
    recipe = recipe_of(seed)
    config = SimulationConfig(participants=CONTROLS, seed=seed, cohens_d=cohens_d, iq_gap=0, resolution=6)
    cohort = simulate_maps(config, recipe.cohort.site, recipe.image)
    names = [f"sub-{number:04d}" for number in range(CONTROLS)]
    weights = region_weights(recipe.sensitivity, recipe.image.shape, grid_affine(recipe.image))
    regions = np.max([one > 0.25 * one.max() for one in weights.values()], axis=0)
    kept = ["participant_id", "site", "age", "sex", "group"]
    table = pd.DataFrame(cohort.table.assign(participant_id=names)[kept])
    return Planted(cohort.images, table, pd.DataFrame(cohort.table[list(PLANTED)]), regions)


_FOLD = chain._fold


def _of_everybody(cohort: Cohort, held_out: np.ndarray, recipe: Recipe) -> Fold:
    """A model that is fitted to everybody, those held out too."""
    return replace(_FOLD(cohort, np.zeros_like(held_out), recipe), held_out=held_out)


def _finished(refit: Refit, is_target: np.ndarray, orders: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    """Scores by codes that no permutation fits again."""
    scores = refit.scores(is_target)
    yield from (scores for _ in orders)


FAULTS: Faults = {"leaky": [(chain, "_fold", _of_everybody), (Refit, "permuted", _finished)]}


def measure_one(lab: int | None, cell: Cell, phenotype: Path | None, fault: str | None, file: Path) -> str:
    """Write what is found in one cohort."""
    with parallel_config("sequential"), seeded(fault, FAULTS):
        planted = fresh(cell.seed, cell.cohens_d) if lab is None else lab_of(lab, phenotype).planted(cell)
        found = chain.measured(planted, recipe_of(cell.seed), None, beyond_covariates=not cell.cohens_d)
    write_tsv(found.assign(cohens_d=cell.cohens_d, seed=cell.seed, lab=-1 if lab is None else lab), file)
    return file.stem


def compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Power that labs predict, by effect and measure, beside that of fresh cohorts; spread over labs."""
    shown = [one in HEADLINES for one in zip(rows["measure"], rows["space"], strict=True)]
    rows = pd.DataFrame(rows[np.array(shown)]).assign(found=lambda one: one["p_value"] <= ALPHA)
    found = []
    for kind, part in kinds_of(rows, "measure", "effect", "cohens_d"):
        is_fresh = (part["lab"] < 0).to_numpy()
        true, share = part.loc[is_fresh, "found"].to_numpy(), part.loc[~is_fresh, "found"].to_numpy()
        places = part.loc[~is_fresh, "lab"].to_numpy()
        labs = np.array([share[places == one].mean() for one in np.unique(places)])
        row = kind | {"measured": true.mean(), "fresh": len(true), "predicted": labs.mean()}
        row |= {"sd": labs.std(ddof=1), "labs": len(labs), "error": labs.mean() - true.mean()}
        found.append(row | {"off": np.abs(labs - true.mean()).mean()})
    return pd.DataFrame(found)


def false_positives(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of cohorts with nothing planted whose p is at most 0.05, and the exact binomial test of 5 %."""
    found = []
    for kind, part in kinds_of(rows.dropna(subset="p_value"), "measure", "effect", "space"):
        below = int(np.count_nonzero(part["p_value"] <= ALPHA))
        p_value = binomtest(below, len(part), ALPHA).pvalue
        found.append(kind | {"below": below / len(part), "cohorts": len(part), "p": p_value})
    return pd.DataFrame(found)


def kinds_of(rows: pd.DataFrame, *columns: str) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Rows of each combination of values."""
    for values, part in rows.groupby(list(columns), sort=False):
        yield dict(zip(columns, cast("tuple[Any, ...]", values), strict=True)), part


def main(
    output_dir: OutputDir,
    labs: Annotated[int, typer.Option("--labs", min=2)] = 10,
    cohorts: Annotated[int, typer.Option("--cohorts", min=2, help="Of each lab and effect.")] = 40,
    new: Annotated[int, typer.Option("--fresh", min=2, help="Cohorts with patients, of each effect.")] = 400,
    null: Annotated[
        int, typer.Option("--null", min=0, help="With nothing planted, instead of the others.")
    ] = 0,
    phenotype: Annotated[Path | None, typer.Option("--phenotype", help="Labs have its participants.")] = None,
    fault: Annotated[str | None, typer.Option("--fault", help=f"Of {', '.join(FAULTS)}: must show.")] = None,
    jobs: Jobs = None,
) -> None:
    """Predicted and measured power, or false positives; a file a cohort, resumed by itself."""
    store = output_dir.resolve() / ("cohorts" if not null else f"null{'-' + fault if fault else ''}")
    store.mkdir(parents=True, exist_ok=True)
    remove_partial_files(store)
    asked: list[tuple[int | None, Cell]] = []
    if null:
        few = -(-null // labs)
        fraction = 1.0 if phenotype is None else OF_TABLE
        asked += [
            (FIRST_LAB + place // few, Cell(0.0, fraction, False, place % few)) for place in range(null)
        ]
    else:
        asked += [(None, Cell(d, 1.0, False, FIRST_FRESH + seed)) for seed in range(new) for d in EFFECTS]
        asked += [
            (FIRST_LAB + lab, Cell(d, 1.0, False, seed))
            for lab in range(labs)
            for seed in range(cohorts)
            for d in EFFECTS
        ]
    files = {one: store / f"{'fresh' if one[0] is None else one[0]}_{one[1].key}.tsv" for one in asked}
    pending = [one for one in asked if not files[one].is_file()]
    with for_this_terminal().bar("Measuring") as tick:
        running = Parallel(n_jobs=jobs or -1, return_as="generator_unordered", pre_dispatch="n_jobs")(
            delayed(measure_one)(*one, phenotype, fault, files[one]) for one in pending
        )
        for done, key in enumerate(running, start=1):
            tick(done, len(pending), str(key))
    rows = pd.concat(map(read_tsv, files.values()), ignore_index=True)
    table = false_positives(rows) if null else compared(rows)
    write_tsv(table, output_dir / f"{store.name}.tsv")
    typer.echo(table.round(3).to_string(index=False))


if __name__ == "__main__":
    # Other processes know `lab_of`, which keeps a lab between calls, by this name and not as one of `__main__`.
    from tests.validation import predicted_power

    typer.run(predicted_power.main)
