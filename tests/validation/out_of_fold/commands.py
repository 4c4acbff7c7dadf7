"""Cohorts with nothing planted through the real command line, beside the campaign's way to the same p-values."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from adhd_cvae.io import read_tsv, write_tsv
from adhd_cvae.names import BACKGROUND, TARGET, rows_of
from adhd_cvae.simulation.cohort import SimulatedCohort, SimulationConfig
from pipelines.cli.options import OutputDir
from pipelines.progress import Silent
from pipelines.stages import simulate
from tests.validation.out_of_fold.cohorts import (
    SYMPTOMS,
    Asked,
    Kind,
    campaign_settings,
    measured,
    without_a_difference,
)
from tests.validation.out_of_fold.run import FIRST_SEED

KIND = Kind(60, 0)
REFITS = 99


def through_the_command_line(seed: int) -> pd.DataFrame:
    """Simulate on disk, deal group and symptoms out anew in the dataset's own tables, and run the group level."""
    config = SimulationConfig(
        participants=KIND.participants, seed=seed, cohens_d=0, site_confound=KIND.site_confound, resolution=6
    )
    with TemporaryDirectory() as folder:
        bids_dir, output_dir = Path(folder, "bids"), Path(folder, "results")
        simulate.run(bids_dir, config, Silent())
        _deal(bids_dir, config)
        command = [sys.executable, "-m", "adhd_cvae", "run", str(bids_dir), str(output_dir), "group"]
        command += ["--recipe", "demo"]
        command += [word for one in campaign_settings(seed, REFITS) for word in ("--set", one)]
        subprocess.run(command, check=True, capture_output=True)
        return read_tsv(output_dir / "analysis" / "separation.tsv")


def _deal(bids_dir: Path, config: SimulationConfig) -> None:
    simulated = SimulatedCohort(config)
    table = pd.concat([simulated.participants, simulated.phenotype.drop(columns="participant_id")], axis=1)
    table["group"] = np.where(table["dx"] > 0, TARGET, BACKGROUND)
    dealt = without_a_difference(table, config.seed, KIND)
    for file, columns in (("participants.tsv", ["dx"]), ("phenotype/adhd200.tsv", list(SYMPTOMS))):
        content = pd.read_csv(bids_dir / file, sep="\t", dtype=str, keep_default_na=False)
        values = dealt.assign(dx=(dealt["group"] == TARGET).astype(int))[columns]
        content[columns] = values.astype(str).replace("nan", "n/a").to_numpy()
        content.to_csv(bids_dir / file, sep="\t", index=False)


def main(
    output_dir: OutputDir = Path("commands"),
    cohorts: Annotated[int, typer.Option("--cohorts", min=1, help="Cohorts.")] = 10,
) -> None:
    """Compare AUC and p-values of the command line with the campaign's, cohort by cohort."""
    rows = []
    for seed in range(FIRST_SEED, FIRST_SEED + cohorts):
        ours = measured(KIND, seed, Asked(("separation",), REFITS)).set_index("test")
        found = through_the_command_line(seed)
        for row in rows_of(pd.DataFrame(found[found["site"].isna() & found["p_value"].notna()])):
            if (test := f"{row['space']} {row['measure']}") not in ours.index:
                continue  # balanced accuracy, which the campaign leaves out
            other = ours.loc[test]
            rows.append(
                {"seed": seed, "test": test}
                | {"value": row["value"], "p_value": row["p_value"]}
                | {"campaign_value": other["value"], "campaign_p_value": other["p_value"]}
            )
        write_tsv(pd.DataFrame(rows), output_dir / "commands.tsv")
    typer.echo(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    typer.run(main)
