"""How often each p-value is below 0.05 with nothing planted, and with something; a file a cohort, resumed by itself."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from joblib import Parallel, delayed, parallel_config
from scipy.stats import binomtest

from adhd_cvae.io import read_tsv, remove_partial_files, write_tsv
from adhd_cvae.names import ALPHA
from pipelines.cli.options import OutputDir
from pipelines.progress import for_this_terminal
from tests.validation.out_of_fold.cohorts import LENT, TABLES, Asked, Kind, measured
from tests.validation.out_of_fold.faults import FAULTS

FIRST_SEED = 1000
"""No seed that a setting was chosen on, nor one of the demo or the benchmark."""
CONSERVATIVE = ("group maps, any voxel", "claim", "mixture")
"""Tests that by design reject in 5 % at most; only more than that speaks against them."""
NULL = [Kind(60, 0), Kind(200, 0)]
BORROWED = [Kind(60, 0, settings=("cohort.covariates=[]",), lent=lent) for lent in LENT]
"""Healthy people elsewhere who fit, who don't, and who are own controls; without covariates it takes half as long."""
GAPS = [
    Kind(60, 0, 0.0, age_gap=2, head_size_gap=0.5),
    Kind(200, 0, 0.0, age_gap=2, head_size_gap=0.5, settings=("cohort.covariates=[]",)),
]
"""Older patients with larger heads; and what comes of it where age, sex and head size are not held constant."""
_COMBAT = ("cohort.harmonise=combat",)
SITES = [Kind(200, d, c, settings=one) for one in ((), _COMBAT) for d, c in ((0.8, 0.6), (0.8, 0.0))]
"""Sites that tell the groups and sites that don't, as they are and harmonised."""
_WAYS = (
    (),
    _COMBAT,
    ("model.condition_on_site=true",),
    ("model.linear.smallest_site=1000",),  # every site is small: s may lie along what they differ in
)
_TRAINED = ("training.epochs=20", "training.validation_splits=1")
CONDITIONED = [Kind(200, 0.8, settings=(*one, *more)) for more in ((), _TRAINED) for one in _WAYS]
"""What is done about sites, of the linear model and of trained networks."""
CONFOUNDING = [
    Kind(200, d, c, settings=one) for c in (0.0, 0.3, 0.6, 0.9) for d in (0.8, 0.0) for one in ((), _COMBAT)
]
"""What harmonising takes from a planted difference or makes of none, the more sites and groups go together."""
POWER = [Kind(n, d) for n in (60, 200, 500) for d in (0.2, 0.5, 0.8, 1.4)]


KINDS = {
    "null": NULL,
    "power": POWER,
    "borrowed": BORROWED,
    "gaps": GAPS,
    "sites": SITES,
    "conditioned": CONDITIONED,
    "confounding": CONFOUNDING,
}


def measure_one(kind: Kind, seed: int, asked: Asked, store: Path) -> str:
    """Write the table of one cohort."""
    with parallel_config("sequential"):  # a cohort keeps to its core
        write_tsv(measured(kind, seed, asked), store / f"{kind.key}_{seed}.tsv")
    return f"{kind.key}, seed {seed}"


def summarised(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a kind and test: mean value and its standard deviation, mean over chance with interval, share below 0.05.

    `p` is that of the exact binomial test of a share of 5 %, one-sided where a test is conservative by design.
    """
    found = []
    for (kind, test), part in rows.groupby(["kind", "test"], sort=False):  # pyright: ignore[reportGeneralTypeIssues]
        p_values = part["p_value"].dropna().to_numpy(dtype=float)
        row = {"kind": kind, "test": test, "cohorts": len(part)}
        row |= {"value": part["value"].mean(), "sd": part["value"].std()}
        over = (part["value"] - part["null_mean"]).dropna()
        if len(over) > 1:
            half = 1.96 * over.std() / np.sqrt(len(over))
            row |= {"over_chance": over.mean(), "low": over.mean() - half, "high": over.mean() + half}
        if len(p_values):
            below = int((p_values <= ALPHA).sum())  # of 1 in 20, 2 in 40 …: a permutation p is no less
            side = "greater" if str(test).startswith(CONSERVATIVE) else "two-sided"
            row |= {"below": below / len(p_values), "p_values": len(p_values)}
            row["p"] = binomtest(below, len(p_values), ALPHA, alternative=side).pvalue
        found.append(row | {"in_sample": part["in_sample"].mean(), "seconds": part["seconds"].mean()})
    return pd.DataFrame(found)


def main(
    output_dir: OutputDir = Path("out-of-fold"),
    cohorts: Annotated[int, typer.Option("--cohorts", min=1, help="Cohorts of each kind.")] = 200,
    kinds: Annotated[
        str, typer.Option("--kinds", help=f"Cohorts that are simulated: {', '.join(KINDS)}.")
    ] = "null",
    participants: Annotated[
        int | None, typer.Option("--participants", help="Cohorts of this size alone.")
    ] = None,
    tables: Annotated[str, typer.Option("--tables", help="Tables that are asked for.")] = ",".join(TABLES),
    refits: Annotated[
        int, typer.Option("--refits", min=19, help="Permutations that fit every model again.")
    ] = 99,
    fault: Annotated[str | None, typer.Option("--fault", help=f"Of {', '.join(FAULTS)}: must fail.")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Processes of one core each.")] = None,
) -> None:
    """How often each p-value is below 0.05, in cohorts with nothing planted and with something."""
    store = output_dir.resolve() / "cohorts"
    store.mkdir(parents=True, exist_ok=True)
    remove_partial_files(store)
    chosen = [kind for kind in KINDS[kinds] if participants in (None, kind.participants)]
    asking = Asked(tuple(tables.split(",")), refits, fault)
    asked = [(kind, seed) for seed in range(FIRST_SEED, FIRST_SEED + cohorts) for kind in chosen]
    pending = [(kind, seed) for kind, seed in asked if not (store / f"{kind.key}_{seed}.tsv").is_file()]
    with for_this_terminal().bar("Measuring") as tick:
        running = Parallel(n_jobs=jobs or -1, return_as="generator_unordered")(
            delayed(measure_one)(kind, seed, asking, store) for kind, seed in pending
        )
        for done, key in enumerate(running, start=1):
            tick(done, len(pending), str(key))
    files = [store / f"{kind.key}_{seed}.tsv" for kind, seed in asked]
    keys = [kind.key for kind, _ in asked]
    found = [read_tsv(file).assign(kind=key) for file, key in zip(files, keys, strict=True)]
    table = summarised(pd.concat(found, ignore_index=True))
    write_tsv(table, output_dir / "summary.tsv")
    typer.echo(table.round(3).to_string(index=False))


if __name__ == "__main__":
    typer.run(main)
