"""What borrowing gains where the truth is known: over the start that borrowed nothing, and over every other method.

    adhd-cvae benchmark separation FOLDER --lent fitting
    python -m tests.validation.borrowed_separation FOLDER

Adds the linear start of an earlier version, run in its own checkout on the same cohorts, and writes ``gains.tsv``.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from joblib import Parallel, delayed
from scipy import stats
from threadpoolctl import threadpool_limits

from adhd_cvae.config import Recipe
from adhd_cvae.io import read_object, read_tsv, write_tsv
from adhd_cvae.names import SALIENT
from pipelines.benchmarks.separation.cells import cohort_of
from pipelines.benchmarks.separation.grid import BORROWED, Cell
from pipelines.benchmarks.separation.metrics import recovery_rows, separation_rows
from pipelines.benchmarks.separation.summary import RECOVERED_FROM, where
from pipelines.cli.options import OutputDir
from tests.validation.linear_before import BEFORE, codes_of_before
from tests.validation.same_results.run import checkout

KIND = ["population", "n", "cohens_d"]


@threadpool_limits.wrap(limits=1)
def of_before(cell: Cell, recipe: Recipe, before: Path, file: Path) -> None:
    """Write what the start of before tells in one cohort."""
    cohort = cohort_of(cell, recipe.cohort.site, recipe.image)
    fitted, flat = ~cohort.is_held_out, cohort.images.reshape(len(cohort.images), -1)
    mask = np.flatnonzero(flat[fitted].mean(axis=0, dtype=np.float32) > recipe.image.mask_threshold)
    codes = codes_of_before(flat[:, mask].astype(np.float32), fitted, cohort.is_target, before)
    rows = recovery_rows({SALIENT: codes}, cohort, permutations=1, seed=cell.seed)
    rows += separation_rows({SALIENT: codes[:, 0]}, cohort)
    write_tsv(pd.DataFrame(rows).assign(method=BEFORE, **cell.columns), file)


def gains(table: pd.DataFrame, ours: str) -> pd.DataFrame:
    """Paired gain of `ours` over each method: of every kind of cohort, and the mean over kinds; t intervals of 95 %."""
    found = []
    for metric in ("r", "auc"):
        rows = where(table, table["metric"] == metric)
        wide = rows.pivot_table(index=[*KIND, "seed"], columns="method", values="score")
        for method in wide.columns.drop(ours):
            difference = (wide[ours] - wide[method]).dropna()
            kinds = {str(kind): part for kind, part in difference.groupby(level=KIND)}
            means = pd.Series({kind: part.mean() for kind, part in kinds.items()})
            for kind, part in {**kinds, "mean of kinds": means}.items():
                low, high = stats.t.interval(0.95, len(part) - 1, part.mean(), part.sem())
                row = {"ours": ours, "metric": metric, "method": method, "kind": kind, "values": len(part)}
                found.append(row | {"gain": part.mean(), "low": low, "high": high})
    return pd.DataFrame(found)


def main(
    output_dir: OutputDir,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes of one core each.")] = 1,
) -> None:
    """Mean of each method and paired gains; a file a cohort, resumed by itself."""
    table, folder = read_tsv(output_dir / "separation.tsv"), output_dir.resolve() / BEFORE
    folder.mkdir(exist_ok=True)
    recipe = Recipe.model_validate(
        read_object(output_dir / "separation.json")["recipe"] | {"name": "separation"}
    )
    cells = [
        Cell(kind, seed) for kind in BORROWED if not kind.subtypes for seed in sorted(set(table["seed"]))
    ]
    files = {cell: folder / f"{cell.key}.tsv" for cell in cells}
    with TemporaryDirectory() as place:
        before = checkout(BEFORE, Path(place) / BEFORE)
        Parallel(n_jobs=jobs)(
            delayed(of_before)(cell, recipe, before, file)
            for cell, file in files.items()
            if not file.is_file()
        )
    every = pd.concat([table, *map(read_tsv, files.values())], ignore_index=True)
    every = where(every, every["subtypes"] == 0, every["new"] > 0, np.isin(every["space"], RECOVERED_FROM))
    shown = where(every, np.isin(every["metric"], ["r", "auc"]))
    means = shown.pivot_table(index=["metric", "method"], columns=KIND, values="score")
    found = pd.concat([gains(every, ours) for ours in ("borrowed_500", "borrowed_2000")], ignore_index=True)
    write_tsv(found, output_dir / "gains.tsv")
    typer.echo(means.round(2).to_string())
    typer.echo(found.round(3).to_string(index=False))


if __name__ == "__main__":
    typer.run(main)
