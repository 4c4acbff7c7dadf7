"""A planted cohort as a BIDS dataset that any tool can be tried on: maps, participants, and the truth apart."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import cpu_count
from numpy.typing import NDArray

from adhd_cvae.config import CohortConfig, SensitivityConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images.journal import Progress
from adhd_cvae.images.nifti import read_map, save_nifti
from adhd_cvae.io import read_object, read_tsv, write_json, write_text
from adhd_cvae.names import BACKGROUND, SUBTYPE, TARGET
from adhd_cvae.simulation.planting import lost_fractions
from bids_adapters.cohort import Cohort, build_cohort
from bids_adapters.derivatives import read_description, write_description, write_whole_table
from bids_adapters.images.kind import Kind
from bids_adapters.planting import Regions

TRUTH = Path("sourcedata") / "truth"
"""Below the dataset, where validators and other tools do not look."""
_DESCRIBED = ("age", "sex", "handedness", "tiv")
"""Columns of the cohort that participants.tsv takes over, beside site and covariates: none that tells of symptoms."""
_COPIED = ("LongName", "Description", "Levels", "Units")
"""Fields of a column's description that say nothing of where it is from."""
_README = """# Gray-matter maps with planted effects

Maps of healthy participants under new names, made by `adhd-cvae sensitivity --export`. Nobody here is a patient: in
those whom participants.tsv calls patients gray matter was taken away, on the maps' own grid, before any smoothing. Who
lost how much, and where, is in `sourcedata/truth/`; keep that folder from whoever is to find it. These are maps of real
people: what was agreed about the dataset they come from holds for them.
"""


@dataclass(frozen=True)
class Plan:
    """What is planted into whom.

    Attributes
    ----------
    is_patient
        (n,) bool: pseudo-patients.
    severities
        (n, severities), 0 in pseudo-controls.
    losses
        (severities,) what severity 1 takes from the middle of a region.
    cohens_d
        Which mean loss that is (`Planting.losses`).
    """

    is_patient: NDArray[np.bool_]
    severities: NDArray[np.float64]
    losses: NDArray[np.float64]
    cohens_d: float


def write_planted(
    cohort: Cohort,
    bids_dir: Path,
    target_dir: Path,
    plan: Plan,
    settings: tuple[SensitivityConfig, CohortConfig],
    tick: Progress,
    *,
    seed: int,
) -> None:
    """Write the planted cohort to an empty or a new folder; identifiers are new, in an order drawn with `seed`.

    Parameters
    ----------
    cohort
        Controls, in the order of `plan`.
    bids_dir
        Where their maps are; nothing is written there.
    settings
        Of the regions, and of the columns of group, site and covariates.

    Raises
    ------
    InputError
        `target_dir` holds something or lies in the dataset, or a map cannot be read.
    """
    check_target(target_dir, bids_dir)
    regions, order = Regions(settings[0]), np.random.default_rng(seed).permutation(len(cohort.table))
    names = [f"sub-planted{number:04d}" for number in range(1, len(order) + 1)]
    common = _entities(cohort.kind)
    kept = {key: value for key in ("License",) if (value := read_description(bids_dir).get(key))}
    write_description(
        target_dir, "Gray-matter maps with planted effects", "planted effects, adhd-cvae sensitivity", **kept
    )
    write_text(_README, target_dir / "README.md")
    write_json(_sidecar(common), target_dir / f"{common}.json")
    _write_participants(cohort, names, plan.is_patient, order, target_dir, settings[1])
    _write_truth(names, plan, order, target_dir / TRUTH, settings[0])
    fractions = lost_fractions(plan.severities, plan.losses)

    def write(name: str, row: int) -> None:
        values, affine = read_map(bids_dir / cohort.table["image"].iloc[row])
        if fractions[row].any():
            left = 1 - np.tensordot(fractions[row].astype(np.float32), regions.on(values.shape, affine), 1)
            values = values * np.maximum(left, 0)
        save_nifti(values, affine, target_dir / name / "anat" / f"{name}_{common}.nii.gz")

    with ThreadPoolExecutor(cpu_count()) as threads:
        for done, _ in enumerate(threads.map(write, names, order), start=1):
            tick(done, len(names))
    values, affine = read_map(bids_dir / cohort.table["image"].iloc[0])
    for name, weights in zip(settings[0].severities, regions.on(values.shape, affine), strict=True):
        save_nifti(weights, affine, target_dir / TRUTH / f"{severity_column(name)}_weights.nii.gz")


def check_target(target_dir: Path, bids_dir: Path) -> None:
    """Refuse a folder that holds something, or lies where the cohort's maps are looked for.

    Raises
    ------
    InputError
        It does.
    """
    whole = target_dir.resolve()
    if any(one.exists() and one.samefile(bids_dir) for one in (whole, *whole.parents)):
        raise InputError(
            f"{target_dir} is in the dataset {bids_dir}, whose maps planted ones would be taken for. Choose a folder "
            "elsewhere."
        )
    if whole.exists() and (not whole.is_dir() or any(whole.iterdir())):
        raise InputError(
            f"{target_dir} is there and not empty. Name an empty or a new folder for the planted cohort."
        )


def severity_column(name: str) -> str:
    """Column of the truth that holds a severity."""
    return f"severity_{name}"


def _entities(kind: Kind | None) -> str:
    """What the names of all maps have in common, so that they are read as the kind of map that they are made of."""
    kind = kind or Kind("BIDS probseg", "template")
    space, _, band = kind.space.partition(":")
    number = re.search(r"\d+", kind.smoothing)
    resolution = re.search(r"res-[0-9A-Za-z]+", kind.variant)
    description = "modulated" * (kind.modulation != "unmodulated")
    if kind.smoothing:
        description += f"{'Smooth' if description else 'smooth'}{number[0] if number else ''}"
    pieces = [f"space-{'MNI' if space == 'template' else space}", band, resolution[0] if resolution else ""]
    pieces += ["label-GM", f"desc-{description}" if description else "", "probseg"]
    return "_".join(filter(None, pieces))


def _sidecar(common: str) -> dict[str, object]:
    """Describe all maps."""
    content: dict[str, object] = {
        "Description": "Gray matter per voxel; in some participants planted losses",
        "Sources": [],
    }
    if common.startswith("space-MNI_"):
        content["SpatialReference"] = "The template of the maps it is made of, whose names do not tell which"
    if (resolution := re.search(r"_res-([0-9A-Za-z]+)_", common)) is not None:
        content["Resolution"] = {resolution[1]: "That of the maps it is made of; see the headers"}
    return content


def _write_participants(
    cohort: Cohort,
    names: Sequence[str],
    is_patient: NDArray[np.bool_],
    order: NDArray[np.intp],
    target_dir: Path,
    settings: CohortConfig,
) -> None:
    """Write participants.tsv, in which the group has the recipe's codes."""
    asked = dict.fromkeys([settings.site, *_DESCRIBED, *(settings.covariates or ())])
    own = [name for name in asked if name in cohort.table and name != settings.group]
    codes = np.array([_written(settings.background[0]), _written(settings.target[0])])
    columns = {"participant_id": names, settings.group: codes[is_patient[order].astype(int)]}
    columns |= {str(name): cohort.table[name].to_numpy()[order] for name in own}
    described = {
        name: {key: cohort.columns[name][key] for key in _COPIED if key in cohort.columns[name]}
        for name in map(str, own)
        if name in cohort.columns
    }
    described[settings.group] = {
        "Description": f"Pseudo-groups: {codes[1]} has planted losses, {codes[0]} has none"
    }
    write_whole_table(pd.DataFrame(columns), described, target_dir / "participants.tsv")


def _written(code: object) -> str:
    """Write a code of a group as it is read."""
    return ("yes" if code else "no") if isinstance(code, bool) else str(code)


def _write_truth(
    names: Sequence[str], plan: Plan, order: NDArray[np.intp], folder: Path, config: SensitivityConfig
) -> None:
    table = pd.DataFrame(
        {"participant_id": names, "group": np.where(plan.is_patient[order], TARGET, BACKGROUND)}
    )
    columns: dict[str, dict[str, object]] = {"group": {"Description": "Whether losses were planted (target)"}}
    for column, (name, region) in enumerate(config.severities.items()):
        table[severity_column(name)] = plan.severities[order, column]
        columns[severity_column(name)] = {
            "Description": "Planted severity, 0 in pseudo-controls; times Loss, at most 1, it is the fraction of gray "
            f"matter that is taken away where {severity_column(name)}_weights.nii.gz is 1",
            "Loss": float(plan.losses[column]),
            "CohensD": plan.cohens_d,
            "Region": region.model_dump(mode="json"),
        }
    if config.subtypes:
        has = plan.severities[order] > 0
        table[SUBTYPE] = np.where(has.any(axis=1), has.argmax(axis=1) + 1, 0)
        levels = {str(number): name for number, name in enumerate(("control", *config.severities))}
        columns[SUBTYPE] = {"Description": "Which severity a pseudo-patient has", "Levels": levels}
    write_whole_table(table, columns, folder / "truth.tsv")


@dataclass(frozen=True)
class PlantedCohort:
    """A planted cohort that was read back.

    Attributes
    ----------
    table
        As of `Cohort`, with the truth: `group`, the severities and, for subtypes, `subtype`.
    factors
        Names of the severities' columns.
    cohens_d
        What was planted.
    """

    table: pd.DataFrame
    factors: tuple[str, ...]
    cohens_d: float


def read_planted(folder: Path, settings: CohortConfig) -> PlantedCohort:
    """Read a folder that `write_planted` wrote; maps are not opened.

    Raises
    ------
    InputError
        It is another folder, or lacks maps of some participants.
    """
    path = folder / TRUTH / "truth.tsv"
    try:
        truth = read_tsv(path)
    except (OSError, ValueError):
        raise InputError(
            f"{folder} has no {TRUTH / 'truth.tsv'}, so nobody knows what was planted there. Expected a folder that "
            "`adhd-cvae sensitivity --export` made."
        ) from None
    factors = tuple(name for name in truth if name not in ("participant_id", "group", SUBTYPE))
    cohens_d = read_object(path.with_suffix(".json")).get(factors[0] if factors else "", {}).get("CohensD")
    if not factors or "group" not in truth or not isinstance(cohens_d, float | int):
        raise InputError(
            f"{path} or its .json was changed: severities, group or CohensD are lacking. Export anew."
        )
    found = build_cohort(folder, settings, require_groups=False).table.drop(columns="group")
    clash = [name for name in found if name in truth and name != "participant_id"]
    table = found.drop(columns=clash).merge(truth, on="participant_id", how="inner", validate="1:1")
    if len(table) < len(truth):
        raise InputError(
            f"{folder} lacks the maps of {len(truth) - len(table)} of {len(truth)} participants of its truth. Export "
            "anew, or copy them again."
        )
    return PlantedCohort(table, factors, float(cohens_d))
