"""A simulated cohort on disk: tables with sidecars, maps from all cores, the truth apart."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed

from adhd_cvae.errors import InputError
from adhd_cvae.files import read_json, write_json, write_tsv
from adhd_cvae.simulation import FACTORS, SimulatedCohort, SimulationConfig
from bids_adapters.codebook import BY_NAME
from pipelines.nifti import save_nifti
from pipelines.progress import Progress

SPACE = "MNI152NLin2009aSym"
TRUTH = "simulated_truth"


def run(bids_dir: Path, config: SimulationConfig, progress: Progress, overwrite: bool = False) -> None:
    """Write the BIDS dataset; maps that are there already with the same settings stay.

    Raises
    ------
    InputError
        `bids_dir` holds something else, or a cohort simulated with other settings, and not `overwrite`.
    """
    _refuse_other_content(bids_dir, config, overwrite)
    cohort = SimulatedCohort(config)
    missing = [
        (index, path)
        for index, path in enumerate(map_paths(bids_dir, cohort.participants, config))
        if overwrite or not path.is_file()
    ]
    write_json(_description(config), bids_dir / "dataset_description.json")
    _write_tables(bids_dir, cohort)
    if not missing:
        progress.line(f"simulate: already done ({config.participants} participants in {bids_dir})")
        return
    with progress.bar("Calibrating the planted effects") as tick:
        tick(0, 1, "")
        cohort.loss  # noqa: B018  (once here rather than once in every worker)
        tick(1, 1, "")
    with progress.bar("Simulating gray-matter maps") as tick:
        jobs = Parallel(n_jobs=-1, return_as="generator_unordered")(
            delayed(_write_map)(cohort, index, path) for index, path in missing
        )
        for done, _ in enumerate(jobs, start=1):
            tick(done, len(missing), "")


def map_paths(bids_dir: Path, participants: pd.DataFrame, config: SimulationConfig) -> list[Path]:
    """Name each participant's map, in the order of the table."""
    return [
        bids_dir / who / "anat" / f"{who}_space-{SPACE}_res-{config.resolution}_label-GM_probseg.nii.gz"
        for who in participants["participant_id"]
    ]


def _write_map(cohort: SimulatedCohort, index: int, path: Path) -> None:
    # Four decimals are a thousandth of the variation between participants, and a third of the bytes.
    save_nifti(cohort.map(index).round(4), cohort.affine, path)


def _refuse_other_content(bids_dir: Path, config: SimulationConfig, overwrite: bool) -> None:
    description = bids_dir / "dataset_description.json"
    if not bids_dir.exists() or not any(bids_dir.iterdir()):
        return
    made_by = read_json(description).get("GeneratedBy", [{}])[0] if description.is_file() else {}
    if made_by.get("Name") != "adhd-cvae simulate":
        raise InputError(f"{bids_dir} is not empty and was not made by simulate. Choose another BIDS_DIR.")
    before, now = made_by.get("Settings", {}), config.model_dump(mode="json")
    changed = [
        f"{bids_dir} was simulated with {key} = {before.get(key)}, now {now[key]}. "
        "Give --overwrite to replace it, or another BIDS_DIR."
        for key in now
        if before.get(key) != now[key]
    ]
    if changed and not overwrite:
        raise InputError(*changed)
    if changed:
        for stale in bids_dir.glob("sub-*/anat/sub-*_probseg.nii.gz"):
            stale.unlink()
            for folder in (stale.parent, stale.parent.parent):
                if not any(folder.iterdir()):
                    folder.rmdir()


def _description(config: SimulationConfig) -> dict[str, Any]:
    settings = config.model_dump(mode="json")
    return {
        "Name": f"Simulated gray-matter maps, {config.participants} participants, "
        f"{'no effect' if config.null else f'd = {config.cohens_d}'}, seed {config.seed}",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "License": "CC0",
        "GeneratedBy": [
            {
                "Name": "adhd-cvae simulate",
                "Version": version("adhd-cvae"),
                "Description": "MNI152 gray matter of nilearn, deformed, modulated and varied; two "
                "severities planted in patients. No real person's data.",
                "Settings": settings,
            }
        ],
        "SourceDatasets": [{"URL": "https://nilearn.github.io"}],
    }


def _write_tables(bids_dir: Path, cohort: SimulatedCohort) -> None:
    names = {name: column.sidecar() for name, column in BY_NAME.items()}
    phenotype = bids_dir / "phenotype"
    _write_table(cohort.participants, names, bids_dir / "participants.tsv")
    _write_table(cohort.phenotype, names, phenotype / "adhd200.tsv")
    factors = {
        name: {
            "Description": f"Planted severity: gray matter removed around MNI {', '.join(map(str, places))} "
            "mm; 0 in controls, mean 1 in patients. For the recovery table only.",
            "Units": "arbitrary",
        }
        for name, places in FACTORS.items()
    }
    _write_table(cohort.truth, factors, phenotype / f"{TRUTH}.tsv")
    sidecar = {
        "Description": "Gray-matter volume per voxel (modulated), simulated",
        "SpatialReference": "Simulated in the space of nilearn's MNI152 gray-matter template",
        "Resolution": {str(cohort.config.resolution): f"{cohort.config.resolution} mm, isotropic"},
        "Sources": [],
    }
    entities = f"space-{SPACE}_res-{cohort.config.resolution}_label-GM_probseg"
    write_json(sidecar, bids_dir / f"{entities}.json")
    note = (
        "# Simulated gray-matter maps\n\nNo real person's data. Made by `adhd-cvae simulate`; the settings are in\n"
        "dataset_description.json. The truth in phenotype/simulated_truth.tsv is for scoring results only.\n"
    )
    (bids_dir / "README.md").write_text(note, encoding="utf-8")


def _write_table(table: pd.DataFrame, columns: dict[str, Any], path: Path) -> None:
    whole = {name: "Int64" for name in table if _is_whole(table[name])}
    write_tsv(table.astype(whole), path)
    write_json({name: columns[name] for name in table if name in columns}, path.with_suffix(".json"))


def _is_whole(values: pd.Series) -> bool:
    """Tell whether a column holds whole numbers and gaps only, so that 1 is not written 1.0."""
    return pd.api.types.is_float_dtype(values) and bool((values.dropna() % 1 == 0).all())
