"""Nothing but noise, at sites that tell the groups and differ in spread: does ComBat make a difference of it?"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from adhd_cvae.analysis.group_measures import Groups, pairwise_auc, permutation_strata
from adhd_cvae.analysis.permutation import permuted_orders, upper_p_value
from adhd_cvae.analysis.refits import Adjusting, Fold, Refit, applied, discriminant
from adhd_cvae.config import CohortConfig, ModelConfig
from adhd_cvae.io import write_tsv
from adhd_cvae.names import SALIENT
from pipelines.cli.options import OutputDir
from tests.validation.out_of_fold.run import FIRST_SEED, summarised

FEATURES, FOLDS = 60, 5
SPREADS = np.array([0.6, 0.9, 1.3, 1.6])
"""Of the sites."""


def _refit(
    participants: int, confounding: float, rng: np.random.Generator
) -> tuple[Refit, Groups, np.ndarray]:
    """Noise whose spread is the site's; a site has its share of patients, and each fold its part of both."""
    sites = np.arange(participants) % len(SPREADS)
    shares = 0.5 + confounding / 2 * np.linspace(-1, 1, len(SPREADS))
    is_target, place = np.zeros(participants, bool), np.empty(participants, int)
    for number, share in enumerate(shares):
        rows = rng.permutation(np.flatnonzero(sites == number))
        is_target[rows[: round(share * len(rows))]] = True
        place[rows] = (np.arange(len(rows)) + number) % FOLDS
    noise = rng.normal(size=(participants, FEATURES)) * SPREADS[sites][:, None]
    nothing, names = np.zeros((participants, 0)), sites.astype(str)
    cohort = CohortConfig()
    how = Adjusting(
        *(names, nothing, cohort.smallest_site, cohort.combat_block), harmonise=True, residualised=False
    )
    folds = [Fold(noise, np.flatnonzero(place != one), place == one, how) for one in range(FOLDS)]
    model = ModelConfig().of_folds()
    return Refit(folds, names, model, 0), Groups(is_target, place, names, nothing), names


def _aucs(refit: Refit, groups: Groups, sites: np.ndarray, is_target: np.ndarray) -> dict[str, float]:
    """AUC of s, and of a discriminant of the harmonised features over all pairs and over pairs of one site."""
    scores = np.empty(len(is_target))
    for fold in refit.folds:
        known, features = is_target[fold.fitted], fold.adjusted(is_target[fold.fitted])
        weights = discriminant(features[fold.fitted], known)
        scores[fold.held_out] = applied(weights, features[fold.held_out])
    at_site = np.char.add(groups.fold.astype(str), sites)
    return {
        SALIENT: pairwise_auc(refit.scores(is_target)[SALIENT], is_target, groups.fold),
        "features": pairwise_auc(scores, is_target, groups.fold),
        "features, within sites": pairwise_auc(scores, is_target, at_site),
    }


@threadpool_limits.wrap(limits=1)
def measured(participants: int, confounding: float, seed: int, refits: int) -> pd.DataFrame:
    """One data set with its refitted null: `test`, `value`, `null_mean`, `p_value`."""
    rng = np.random.default_rng([seed, participants])
    refit, groups, sites = _refit(participants, confounding, rng)
    strata, _ = permutation_strata(groups, np.unique(sites, return_inverse=True)[1])
    orders = permuted_orders(rng, strata, refits)
    null = pd.DataFrame([_aucs(refit, groups, sites, groups.is_target[order]) for order in orders])
    rows = [
        {"test": test, "value": value, "null_mean": null[test].mean()}
        | {"p_value": upper_p_value(value, null[test].to_numpy())}
        for test, value in _aucs(refit, groups, sites, groups.is_target).items()
    ]
    kind = f"n {participants}, confounding {confounding:g}"
    return pd.DataFrame(rows).assign(kind=kind, seed=seed, in_sample=np.nan, seconds=np.nan)


def main(
    output_dir: OutputDir = Path("noise"),
    participants: Annotated[int, typer.Option("--participants", min=40, help="Of each data set.")] = 60,
    datasets: Annotated[int, typer.Option("--datasets", min=2, help="How many.")] = 400,
    confounding: Annotated[float, typer.Option("--confounding", min=0, max=1)] = 0.6,
    refits: Annotated[int, typer.Option("--refits", min=19, help="Permutations that fit all again.")] = 19,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes of one core each.")] = 1,
) -> None:
    """How far AUCs after ComBat are from their refitted null, and how often p is 0.05 or less."""
    seeds = range(FIRST_SEED, FIRST_SEED + datasets)
    found = Parallel(n_jobs=jobs)(
        delayed(measured)(participants, confounding, seed, refits) for seed in seeds
    )
    table = summarised(pd.concat([one for one in found if one is not None], ignore_index=True))
    output_dir.mkdir(parents=True, exist_ok=True)
    write_tsv(table, output_dir / f"noise-{participants}.tsv")
    typer.echo(table.round(4).to_string(index=False))


if __name__ == "__main__":
    typer.run(main)
