"""A simulated cohort on disk: tables with sidecars, maps from all cores, the truth apart."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed

from adhd_cvae.errors import InputError
from adhd_cvae.images.nifti import save_nifti
from adhd_cvae.io import remove_partial_files, write_json, write_text, written_in_place
from adhd_cvae.names import SUBTYPE, TEMPLATE
from adhd_cvae.simulation.cohort import SITES, SimulatedCohort, SimulationConfig, shared_atlas
from bids_adapters.derivatives import is_ours, read_description, write_description, write_whole_table
from bids_adapters.phenotype.codebook import BY_NAME
from pipelines.output_dir.bids_source import SIMULATED_TRUTH
from pipelines.output_dir.ownership import clear, owned
from pipelines.progress import Progress

STEP = "simulated gray-matter maps"


def run(bids_dir: Path, config: SimulationConfig, progress: Progress, *, overwrite: bool = False) -> None:
    """Write the BIDS dataset; maps that are there already with the same settings stay.

    Raises
    ------
    InputError
        `bids_dir` holds something else, or a cohort simulated with other settings, and not `overwrite`.
    """
    with owned(bids_dir, overwrite=overwrite):
        _simulate(bids_dir, config, progress, overwrite=overwrite)


def _simulate(bids_dir: Path, config: SimulationConfig, progress: Progress, *, overwrite: bool) -> None:
    _refuse_other_content(bids_dir, config, overwrite=overwrite)
    remove_partial_files(bids_dir)
    cohort = SimulatedCohort(config)
    missing = [
        (index, path)
        for index, path in enumerate(map_paths(bids_dir, cohort.participants["participant_id"], config))
        if overwrite or not path.is_file()
    ]
    if not missing:
        progress.line(f"simulate: already done ({config.participants} participants in {bids_dir})")
        return
    _describe(bids_dir, config)
    _write_tables(bids_dir, cohort)
    with progress.bar("Simulating gray-matter maps") as tick:
        tick(0, len(missing), "calibrating the planted effects")
        _ = cohort.loss  # computed once here rather than in every worker
        for _, path in missing:
            written_in_place(path)  # by another process
        jobs = Parallel(n_jobs=-1, return_as="generator_unordered")(
            delayed(_write_map)(cohort, index, path) for index, path in missing
        )
        for done, _ in enumerate(jobs, start=1):
            tick(done, len(missing))


def map_paths(bids_dir: Path, participants: Iterable[str], config: SimulationConfig) -> list[Path]:
    """Name each participant's map, in the order of the table."""
    return [bids_dir / name / "anat" / f"{name}_{_entities(config)}.nii.gz" for name in participants]


def _entities(config: SimulationConfig) -> str:
    """What the names of all maps have in common."""
    return f"space-{TEMPLATE}_res-{config.resolution}_label-GM_desc-modulated_probseg"


def _write_map(cohort: SimulatedCohort, index: int, path: Path) -> None:
    # Four decimals are a thousandth of the variation between participants, and a third of the bytes.
    save_nifti(cohort.map(index).round(4), cohort.affine, path)


def _refuse_other_content(bids_dir: Path, config: SimulationConfig, *, overwrite: bool) -> None:
    if not bids_dir.exists() or not any(bids_dir.iterdir()):
        return
    content = read_description(bids_dir)
    if not is_ours(content, STEP):
        raise InputError(f"{bids_dir} is not empty and was not made by simulate. Choose another BIDS_DIR.")
    # A dataset older than a setting was simulated with what is now its default.
    before = SimulationConfig().model_dump(mode="json") | content.get("Simulation", {})
    now = config.model_dump(mode="json")
    changed = [
        f"{bids_dir} was simulated with {key} = {before.get(key)}, now {now[key]}. "
        "Give --overwrite to replace it, or another BIDS_DIR."
        for key in now
        if before.get(key) != now[key]
    ]
    if changed and not overwrite:
        raise InputError(*changed)
    if changed:
        clear(bids_dir, [folder.name for folder in bids_dir.glob("sub-*")])


def _describe(bids_dir: Path, config: SimulationConfig) -> None:
    effect = "no effect" if config.null else f"d = {config.cohens_d}"
    write_description(
        bids_dir,
        f"Simulated gray-matter maps, {config.participants} participants, {effect}, seed {config.seed}",
        STEP,
        License="CC0",
        Simulation=config.model_dump(mode="json"),
    )
    write_text(
        "# Simulated gray-matter maps\n\n"
        "No real person's data. Made by `adhd-cvae simulate` from nilearn's MNI152 gray-matter template;\n"
        "the settings are in dataset_description.json. phenotype/simulated_truth.tsv is for scoring only.\n",
        bids_dir / "README.md",
    )


def _write_tables(bids_dir: Path, cohort: SimulatedCohort) -> None:
    names = {name: column.sidecar() for name, column in BY_NAME.items()}
    names["tiv"] = {"Description": "Total intracranial volume, simulated", "Units": "ml"}
    for site in SITES[len(names["site"]["Levels"]) : cohort.config.sites]:  # ADHD-200 does not have them
        names["site"]["Levels"][str(site)] = f"Simulated site {site}"
    phenotype = bids_dir / "phenotype"
    write_whole_table(pd.DataFrame(cohort.participants), names, bids_dir / "participants.tsv")
    write_whole_table(cohort.phenotype, names, phenotype / "adhd200.tsv")
    write_whole_table(pd.DataFrame(cohort.truth), _truth_sidecar(cohort.config), bids_dir / SIMULATED_TRUTH)
    sidecar = {
        "Description": "Gray-matter volume per voxel (modulated), simulated",
        "SpatialReference": "Simulated in the space of nilearn's MNI152 gray-matter template",
        "Resolution": {str(cohort.config.resolution): f"{cohort.config.resolution} mm, isotropic"},
        "Sources": [],
    }
    write_json(sidecar, bids_dir / f"{_entities(cohort.config)}.json")


def _truth_sidecar(config: SimulationConfig) -> dict[str, Any]:
    """Say what each column of the truth is."""
    mean = "1 in its subtype's patients" if config.subtypes else "mean 1 in patients"
    centres = shared_atlas(config.resolution, config.population).centres
    columns: dict[str, Any] = {
        name: {
            "Description": "Planted severity: gray matter removed around MNI "
            f"{', '.join(map(str, centres[name]))} mm; 0 in controls, {mean}. For the recovery table only.",
            "Units": "arbitrary",
        }
        for name in config.factors
    }
    if config.subtypes:
        levels = {str(number): name for number, name in enumerate(("control", *config.factors))}
        columns[SUBTYPE] = {"Description": "Discrete subtype. For scoring only.", "Levels": levels}
    return columns
