"""What a real phenotype table lets a study identify: simulated maps of its people, at their sites, ages and groups.

``python -m tests.validation.real_table FOLDER --phenotype TABLE``, of ADHD-200's Burner release. Nothing of the table
but counts and shares is kept: maps and cohorts are made in a temporary folder.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from adhd_cvae.images.nifti import save_nifti
from adhd_cvae.io import read_tsv, write_tsv
from adhd_cvae.names import ALPHA, BACKGROUND, SALIENT, TARGET, rows_of
from adhd_cvae.simulation.cohort import SimulatedCohort, SimulationConfig
from adhd_cvae.simulation.participants import regional_losses
from bids_adapters.phenotype.table import read_phenotype
from pipelines.cli.options import OutputDir
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.stages import import_burner, prepare, train
from tests.shown import Shown
from tests.validation.out_of_fold.cohorts import (
    TRUTH,
    campaign_settings,
    headlines,
    planted_regions,
    tables_of,
)

FIRST_SEED = 100
_HELD = ("cohort.covariates=[age, sex]", "cohort.missing_covariates=impute")
SETTINGS = {
    "age and sex": _HELD,
    "ComBat": (*_HELD, "cohort.harmonise=combat"),
    "sites held out": (*_HELD, "cohort.folds=leave_site_out"),
    "sites of both groups": (*_HELD, "cohort.drop_one_group_sites=true"),
    "default": (),
    "nothing held constant": ("cohort.covariates=[]",),
    "ComBat alone": ("cohort.covariates=[]", "cohort.harmonise=combat"),
}
"""What the same maps are analysed with."""
EFFECTS = {0.0: tuple(SETTINGS), 0.8: tuple(SETTINGS)[:4]}
"""Planted effect to what it is analysed with."""
ASKED = ("separation", "group_maps", "recovery", "harmonisation")


class AtTheirSites(SimulatedCohort):
    """Brains of a table's participants: anatomy and IQ are invented and the same in both groups.

    Parameters
    ----------
    config
        Seed, effect and voxels; its participants are as many as the table's.
    table
        `participant_id`, `site`, `age`, `sex` and `dx`, as `read_phenotype` gives them.
    """

    def __init__(self, config: SimulationConfig, table: pd.DataFrame) -> None:
        super().__init__(config.model_copy(update={"participants": len(table)}))
        rng = np.random.default_rng([config.seed, 8])
        true = pd.DataFrame(table[["participant_id", "site", "age", "sex"]]).reset_index(drop=True)
        self._true = true.astype({"sex": float}).fillna({"sex": 0.5})
        self._true["iq"] = 108 + 13 * rng.standard_normal(len(true))
        severities = rng.gamma(2.0, 0.5, (len(true), len(config.factors)))
        severities *= (table["dx"].to_numpy(int) > 0)[:, None]
        self._losses = regional_losses(severities, config.truth)
        self.truth = pd.DataFrame(severities, columns=list(config.factors))
        self.truth.insert(0, "participant_id", true["participant_id"].to_numpy())


def identified(cohort: pd.DataFrame) -> dict[str, Any]:
    """Who there is to compare, and how much of the group site, age and sex explain.

    Returns
    -------
    dict
        `sites`: patients and controls of each; `compared`: of the sites with both; `as precise as`: participants of a
        study of one site and two groups of one size whose contrast is as precise as that within sites; `explained`:
        share of the group's variance; `age by site` and `sex by site` likewise; `site from age and sex`: balanced
        accuracy of a linear probe within each group, cross-validated, as in ``harmonisation.tsv``.
    """
    y = (cohort["group"] == TARGET).to_numpy(float)
    site = pd.get_dummies(cohort["site"]).to_numpy(float)
    age = ((cohort["age"] - cohort["age"].mean()) / cohort["age"].std()).to_numpy(float)
    sex = cohort["sex"].astype(float).fillna(cohort["sex"].astype(float).mean()).to_numpy()
    counts = pd.crosstab(cohort["site"], cohort["group"])
    both = counts[(counts > 0).all(axis=1)]
    return {
        "sites": counts.rename(index=str).to_dict("index"),
        "compared": both.sum().to_dict(),
        "as precise as": 4 * sum((both.prod(axis=1) / both.sum(axis=1)).tolist()),
        "explained": {
            "site": _explained(y, site),
            "age": _explained(y, age, age**2),
            "sex": _explained(y, sex),
            "site, age and sex": _explained(y, site, age, age**2, sex),
        },
        "age by site": _explained(age, site),
        "sex by site": _explained(sex, site),
        "site from age and sex": {
            group: _site_read(np.column_stack([age, sex])[rows], cohort["site"].to_numpy()[rows])
            for group, rows in {TARGET: y > 0, BACKGROUND: y == 0}.items()
        },
    }


def _site_read(values: np.ndarray, site: np.ndarray) -> float:
    probe = LogisticRegression(class_weight="balanced")
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return float(
        balanced_accuracy_score(
            site.astype(str), cross_val_predict(probe, values, site.astype(str), cv=folds)
        )
    )


def _explained(y: np.ndarray, *columns: np.ndarray) -> float:
    design = np.column_stack([np.ones(len(y)), *columns])
    left = y - design @ np.linalg.lstsq(design, y)[0]
    return float(1 - left.var() / y.var())


def studied(
    phenotype: Path, seed: int, cohens_d: float, names: Sequence[str], refits: int
) -> Iterator[tuple[str, pd.DataFrame, list[str]]]:
    """Simulate the maps of one seed, and take them through prepare, training and the tables with each of the settings.

    Yields
    ------
    tuple
        Name of the settings, results, and what prepare says; of it, that of `identified` comes last.
    """
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        table = read_phenotype([phenotype]).table
        cohort = AtTheirSites(SimulationConfig(seed=seed, cohens_d=cohens_d, resolution=6), table)
        (folder / "maps").mkdir()
        for index, name in enumerate(table["participant_id"]):
            path = folder / "maps" / f"mwrc1{name.removeprefix('sub-')}.nii.gz"
            save_nifti(cohort.map(index), cohort.affine, path)
        import_burner.run(folder / "maps", folder / "bids", [phenotype], None, Silent())
        for number, name in enumerate(names):
            recipe, shown = load_recipe("demo", campaign_settings(seed, refits, SETTINGS[name])), Shown()
            run = Run(OutputPaths(folder / f"out-{number}"), recipe, shown)
            prepare.run(run, BidsInput(folder / "bids"))
            lines = [*shown.lines, *shown.warnings]
            train.run(run)
            with owned(run.paths.folder):
                write_tsv(cohort.truth, run.paths.folder / TRUTH)
            tables = tables_of(run, ASKED)
            rows = headlines(tables, planted_regions(cohort, recipe.image), run)
            separation = tables["separation"]
            rows += [
                {"test": f"salient at site {row['site']}"}
                | {key: row[key] for key in ("value", "null_mean", "p_value", "n")}
                for row in rows_of(pd.DataFrame(separation[separation["site"].notna()]))
                if row["space"] == SALIENT
            ]
            found = identified(read_tsv(run.paths.cohort))
            yield name, pd.DataFrame(rows), [*lines, *(f"{key}: {value}" for key, value in found.items())]


def summarised(results: pd.DataFrame) -> pd.DataFrame:
    """A row each effect, settings and test: mean, least and largest value, mean over chance, share of p ≤ .05."""
    results["over"] = results["value"] - results["null_mean"]
    results["below"] = (results["p_value"] <= ALPHA).where(results["p_value"].notna())
    grouped = results.groupby(["cohens_d", "settings", "test"], sort=False)
    return grouped.agg(
        seeds=("value", "size"),
        value=("value", "mean"),
        least=("value", "min"),
        largest=("value", "max"),
        over_chance=("over", "mean"),
        below=("below", "mean"),
    ).reset_index()


def main(
    output_dir: OutputDir,
    phenotype: Annotated[Path, typer.Option("--phenotype", help="ADHD-200's table, Burner release.")],
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Simulated cohorts of each effect.")] = 3,
    refits: Annotated[int, typer.Option("--refits", min=19, help="Of the folds' models.")] = 19,
    settings: Annotated[str, typer.Option("--settings", help="Of these alone.")] = ",".join(SETTINGS),
) -> None:
    """Simulated maps of a real table's participants through the chain; a call after an interruption goes on."""
    output_dir.mkdir(parents=True, exist_ok=True)
    asked = [(seed, effect) for seed in range(FIRST_SEED, FIRST_SEED + seeds) for effect in EFFECTS]
    for seed, effect in asked:
        files = {
            name: output_dir / f"{seed}_{effect:g}_{name.replace(' ', '-')}.tsv"
            for name in EFFECTS[effect]
            if name in settings.split(",")
        }
        pending = [name for name, file in files.items() if not file.is_file()]
        for name, rows, lines in studied(phenotype, seed, effect, pending, refits) if pending else ():
            write_tsv(rows.assign(seed=seed, cohens_d=effect, settings=name), files[name])
            typer.echo("\n".join([f"{name}, d {effect:g}, seed {seed}", *lines]), err=True)
    tables = [read_tsv(file) for file in sorted(output_dir.glob("*_*_*.tsv"))]
    table = summarised(pd.concat(tables, ignore_index=True))
    write_tsv(table, output_dir / "summary.tsv")
    typer.echo(table.round(3).to_string(index=False))


if __name__ == "__main__":
    typer.run(main)
