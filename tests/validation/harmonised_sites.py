"""What of sites is left in new participants: ComBat over axes and over voxels, by controls a site, and at new sites."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
import typer
from threadpoolctl import threadpool_limits

from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.probes import probe_table
from adhd_cvae.analysis.recovery import Scoring, recovery_table
from adhd_cvae.config import CohortConfig, Recipe
from adhd_cvae.io import write_tsv
from adhd_cvae.models.harmonisation import Combat, fit_combat
from adhd_cvae.models.linear import LinearModel, principal_axes
from adhd_cvae.models.refinement import linear_solution
from adhd_cvae.names import SALIENT
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.benchmarks.separation.cohorts import simulate_maps
from pipelines.cli.options import OutputDir
from pipelines.recipes.loader import load_recipe
from tests.validation.out_of_fold.cohorts import campaign_settings
from tests.validation.out_of_fold.run import FIRST_SEED

PARTICIPANTS, FITTED = 1200, 200
SIZES = (5, 10, 15, 20, 30, 50)
"""Controls of a site."""
NEW = 60
"""Controls of a site whom nothing is fitted to, or, at a new site, those of whom it is learnt."""
BLOCK = CohortConfig().combat_block
WAYS = {"one distribution": 0, "blocks": BLOCK, "voxels": 0}


class Cohort(NamedTuple):
    """A simulated cohort, of every row: maps, sites, age and sex, group, severities."""

    maps: np.ndarray
    sites: np.ndarray
    covariates: np.ndarray
    is_target: np.ndarray
    truth: pd.DataFrame
    recipe: Recipe

    def voxels(self, fitted: np.ndarray) -> np.ndarray:
        """(n, voxels) within the mask, standardised, as those who are fitted teach it."""
        image = self.recipe.image
        inside = self.maps[fitted].mean(axis=0, dtype=np.float32) > image.mask_threshold
        voxels = self.maps[:, inside].astype(np.float32)
        scale = voxels[fitted].std(axis=0)
        scale = np.maximum(scale, np.quantile(scale, image.least_spread))
        return (voxels - voxels[fitted].mean(axis=0)) / scale

    def fit(self, features: np.ndarray, fitted: np.ndarray, block: int) -> Combat:
        """ComBat of features, (n, features)."""
        part = (
            features[fitted].astype(float),
            self.sites[fitted],
            self.covariates[fitted],
            self.is_target[fitted],
        )
        return fit_combat(*part, block=block)

    def model(self, features: np.ndarray, fitted: np.ndarray) -> LinearModel:
        """The linear model of harmonised features."""
        part = features[fitted].astype(np.float32), self.is_target[fitted]
        return linear_solution(self.recipe.model.of_folds(), *part, self.recipe.seed, self.sites[fitted])

    def site_read(self, codes: np.ndarray, rows: np.ndarray) -> float:
        """Balanced accuracy of a linear probe, cross-validated among some."""
        table = pd.DataFrame({"site": self.sites[rows]})
        found = probe_table(
            {"z": codes[rows]}, table, {"site": "nominal"}, Inference(9, 0), probes=("linear",)
        )
        return float(found["score"].iloc[0])


def simulated(seed: int, confounding: float, population: int) -> Cohort:
    """Simulate one, of age and sex around 0."""
    recipe = load_recipe("demo", campaign_settings(seed, 19))
    asked = {"participants": PARTICIPANTS, "resolution": 6, "site_confound": confounding}
    config = SimulationConfig(seed=seed, population=population, **asked)
    found = simulate_maps(config, recipe.cohort.site, recipe.image)
    covariates = found.table[["age", "sex"]].to_numpy(dtype=float)
    table, sites = found.table, found.table["site"].astype(str).to_numpy()
    return Cohort(
        found.images,
        sites,
        covariates - covariates.mean(axis=0),
        found.is_target,
        pd.DataFrame(table[[*found.factors]]),
        recipe,
    )


def by_way(cohort: Cohort) -> Iterator[dict[str, Any]]:
    """Site read from z and maps of new controls and patients, severities from s, what is left of shifts; seconds."""
    fitted, others = np.arange(FITTED), np.arange(FITTED, PARTICIPANTS)
    voxels = cohort.voxels(fitted)
    _, axes = principal_axes(voxels[fitted])
    for way in ("as it is", *WAYS):
        started, after = time.process_time(), voxels
        if way in WAYS:
            basis = None if way == "voxels" else axes
            scores = (voxels if basis is None else voxels @ basis.T).astype(float)
            combat = cohort.fit(scores, fitted, WAYS[way])
            change = combat.transform(scores, cohort.sites, cohort.covariates) - scores
            after = voxels + (change if basis is None else change @ basis).astype(np.float32)
        seconds = time.process_time() - started
        scores = after @ principal_axes(after[fitted])[1].T
        model = cohort.model(scores, fitted)
        salient, background = model.salient.embed(scores), model.background.embed(scores)
        patients, controls = (others[cohort.is_target[others] == one] for one in (True, False))
        truth, sites = cohort.truth.iloc[others], cohort.sites[controls]
        r = recovery_table({SALIENT: salient[others]}, cohort.is_target[others], truth, Scoring())
        yield {
            "way": way,
            "z, controls": cohort.site_read(background, controls),
            "z, patients": cohort.site_read(background, patients),
            "maps, controls": cohort.site_read(after @ axes[:48].T, controls),
            "shift left": _shift(after[controls], sites) / _shift(voxels[controls], sites),
            "r": r.loc[r["metric"] == "r", "score"].mean(),
            "seconds": seconds,
        }


def _shift(voxels: np.ndarray, sites: np.ndarray) -> float:
    """Squared differences of sites' means from their mean, less what their sampling makes of nothing."""
    parts = [voxels[sites == one] for one in np.unique(sites)]
    means = np.stack([part.mean(axis=0) for part in parts])
    chance = sum(part.var(axis=0, ddof=1).sum() / len(part) for part in parts) * (1 - 1 / len(parts))
    return float(np.square(means - means.mean(axis=0)).sum() - chance)


def by_size(cohort: Cohort) -> Iterator[dict[str, Any]]:
    """Site read from z of new controls by so many controls, and as many patients, of a site fitted."""
    rng, names = np.random.default_rng(0), np.unique(cohort.sites)
    order = rng.permutation(PARTICIPANTS)
    cells = {
        (site, group): order[(cohort.sites[order] == site) & (cohort.is_target[order] == group)]
        for site in names
        for group in (True, False)
    }
    others = np.concatenate([cells[site, False][-NEW:] for site in names])
    for size in SIZES:
        fitted = np.sort(np.concatenate([rows[:size] for rows in cells.values()]))
        voxels = cohort.voxels(fitted)
        scores = (voxels @ principal_axes(voxels[fitted])[1].T).astype(float)
        for way in ("as it is", "one distribution", "blocks"):
            after = scores
            if way in WAYS:
                after = cohort.fit(scores, fitted, WAYS[way]).transform(
                    scores, cohort.sites, cohort.covariates
                )
            z = cohort.model(after, fitted).background.embed(after)
            yield {"way": way, "controls a site": size, "z": cohort.site_read(z, others)}


def by_new_site(cohort: Cohort, draws: int = 3) -> Iterator[dict[str, Any]]:
    """Errors of codes of a new site's patients, in sd of controls, by so many of its controls; 0: the average site.

    What is right is taken from the site's other controls, mean and spread as they are.
    """
    rng = np.random.default_rng(0)
    for site in np.unique(cohort.sites):
        at = cohort.sites == site
        fitted = np.sort(rng.choice(np.flatnonzero(~at), FITTED, replace=False))
        voxels = cohort.voxels(fitted)
        scores = (voxels @ principal_axes(voxels[fitted])[1].T).astype(float)
        combat = cohort.fit(scores, fitted, BLOCK)
        known = combat.transform(scores, cohort.sites, cohort.covariates)
        model = cohort.model(known, fitted)
        controls = rng.permutation(np.flatnonzero(at & ~cohort.is_target))
        pool, many = controls[:NEW], controls[NEW:]
        standard = (scores - combat.mean - cohort.covariates @ combat.slopes) / combat.spread
        right = replace(
            combat,
            sites=(*combat.sites, str(site)),
            shift=np.vstack([combat.shift, standard[many].mean(axis=0)]),
            scale=np.vstack([combat.scale, standard[many].std(axis=0, ddof=1)]),
        )
        rows = np.flatnonzero(at & cohort.is_target)
        fits = [(0, combat)]
        for size in SIZES:
            drawn = (rng.choice(pool, size, replace=False) for _ in range(draws))
            fits += [
                (size, combat.with_site(str(site), scores[one], cohort.covariates[one])) for one in drawn
            ]
        for space in (model.salient, model.background):
            spread = space.embed(known[fitted[~cohort.is_target[fitted]]]).std(axis=0)
            spread[spread == 0] = 1  # a unit that has nothing to hold
            codes = [
                space.embed(one.transform(scores[rows], cohort.sites[rows], cohort.covariates[rows])) / spread
                for one in (right, *(one for _, one in fits))
            ]
            for (size, _), values in zip(fits, codes[1:], strict=True):
                error = float(np.sqrt(np.square(values - codes[0]).mean()))
                name = "s" if space is model.salient else "z"
                yield {"space": name, "site": site, "controls a site": size, "error": error}


KINDS = {"sites confounded": (0.6, 0), "sites not confounded": (0.0, 0), "stronger sites": (0.0, 1)}
"""Confounding and population."""
ASKED = {
    "sites confounded": (by_way,),
    "sites not confounded": (by_way, by_size, by_new_site),
    "stronger sites": (by_size, by_new_site),
}


@threadpool_limits.wrap(limits=1)
def main(
    output_dir: OutputDir = Path("harmonised-sites"),
    cohorts: Annotated[int, typer.Option("--cohorts", min=2, help="Of each table.")] = 6,
    first: Annotated[int, typer.Option("--first", min=100, help="Seed of the first.")] = FIRST_SEED,
) -> None:
    """Three tables, means over cohorts: ways of harmonising, controls a site, controls of a new site."""
    output_dir.mkdir(parents=True, exist_ok=True)
    tables: dict[str, list[dict[str, Any]]] = {"by_way": [], "by_size": [], "by_new_site": []}
    for seed in range(first, first + cohorts):
        for kind, (confounding, population) in KINDS.items():
            cohort = simulated(seed, confounding, population)
            for question in ASKED[kind]:
                rows = [{"seed": seed, "kind": kind, **row} for row in question(cohort)]
                tables[question.__name__] += rows
        for name, rows in tables.items():
            write_tsv(pd.DataFrame(rows), output_dir / f"{name}.tsv")
    for name, rows in tables.items():
        table = pd.DataFrame(rows)
        keys = [key for key in ("kind", "space", "way", "controls a site") if key in table]
        means = pd.DataFrame(table.drop(columns="seed").groupby(keys, sort=False).mean(numeric_only=True))
        typer.echo(f"{name}\n{means.round(3).to_string()}")


if __name__ == "__main__":
    typer.run(main)
