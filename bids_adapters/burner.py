"""ADHD-200's Burner release (flat folder of ``mwrc1<id>.nii``) -> BIDS derivative dataset."""

import filecmp
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from adhd_cvae.errors import ImageError, InputError
from adhd_cvae.images.nifti import read_map
from adhd_cvae.io import copy, write_json, write_text, write_tsv
from adhd_cvae.names import EXCLUSION_COLUMNS
from bids_adapters.cohort import IMPORT_CONFLICTS, IMPORT_EXCLUSIONS
from bids_adapters.derivatives import (
    is_ours,
    read_description,
    write_bidsignore,
    write_description,
    write_table,
)
from bids_adapters.identifiers import BURNER_NAME, participant_key
from bids_adapters.phenotype.derived import DERIVED_FROM
from bids_adapters.phenotype.table import Phenotype, read_phenotype

STEP = "import of ADHD-200's Burner release"
REASONS = {"unreadable": "unreadable_map", "not_3d": "not_a_volume"}
"""Why `read_map` cannot read a map at all, and what an import calls it; other maps are left to `prepare` to judge."""
# SPM8's DARTEL wrote the release; the space of SPM99 to SPM8 is BIDS' MNI152Lin.
NAME_END = "space-MNI152Lin_label-GM_desc-modulated_probseg"
README = """# ADHD-200, Burner release

Modulated gray-matter maps, brought to BIDS by adhd-cvae import-burner: the release's, byte for byte; each
JSON file names the original. The phenotype follows ADHD-200's code book, with n/a for missing codes.
import_exclusions.tsv names what was left out, and why; import_conflicts.tsv the values on which the phenotype
files disagreed. ADHD-200 is licensed CC BY-NC; cite it where you use it.
"""
DEMOGRAPHICS = ("participant_id", "site", "sex", "age", "handedness", "dx", "secondary_dx")
Line = tuple[str, str, str]
"""Who or what is left out: participant, reason, detail."""


@dataclass(frozen=True)
class ImportSummary:
    """What an import did.

    Attributes
    ----------
    imported
        Participants in the dataset now.
    already_there
        How many of them an earlier call had written.
    exclusions
        `participant_id`, `stage`, `reason`, `detail` of every map and participant left out.
    """

    imported: tuple[str, ...]
    already_there: int
    exclusions: pd.DataFrame


def import_burner(
    maps_dir: Path,
    bids_dir: Path,
    phenotype_files: Sequence[Path],
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    prefer: Path | None = None,
) -> ImportSummary:
    """Make a BIDS derivative dataset of a Burner folder and its phenotype tables.

    Maps are copied byte for byte. A call that was interrupted is completed by the next.

    Parameters
    ----------
    maps_dir
        Holds ``mwrc1<seven digits>.nii`` or ``.nii.gz``.
    bids_dir
        New, empty, or an earlier import of the same maps.
    phenotype_files
        Tables in any dialect.
    progress
        Called with the number of maps done and their total.
    prefer
        The phenotype file to trust where files disagree.

    Raises
    ------
    InputError
        No such folder, no maps, an unreadable table, no readable map with a phenotype, or `bids_dir` holds
        something else.
    """
    maps_dir, bids_dir = Path(maps_dir), Path(bids_dir)
    maps, lines = _list_maps(maps_dir)
    if not phenotype_files:
        raise InputError("import-burner needs a phenotype table: --phenotype FILE.")
    phenotype = read_phenotype([Path(file) for file in phenotype_files], prefer)
    matched, unmatched = _match(maps, phenotype)
    lines += unmatched
    if not matched:
        raise InputError(
            f"{maps_dir}: none of its {len(maps)} maps belongs to one of the {len(phenotype.table)} "
            f"participants of the phenotype. The last seven digits of a map's name are its participant."
        )
    _open_dataset(bids_dir, maps_dir, matched)
    imported, already_there, unpaired = {}, 0, len(lines)
    for done, (label, source) in enumerate(matched.items(), start=1):
        try:
            already_there += _import_map(source, bids_dir, label)
            imported[label] = source
        except ImageError as error:
            lines.append((f"sub-{label}", error.reason, error.detail))
        progress(done, len(matched))
    if not imported:
        raise InputError(*(detail for *_, detail in lines[unpaired:]))
    exclusions = pd.DataFrame([(one, "import", *why) for one, *why in lines], columns=list(EXCLUSION_COLUMNS))
    exclusions = exclusions.sort_values(list(EXCLUSION_COLUMNS), ignore_index=True)
    _write_tables(bids_dir, phenotype, set(imported), exclusions)
    return ImportSummary(tuple(f"sub-{label}" for label in imported), already_there, exclusions)


def _list_maps(maps_dir: Path) -> tuple[dict[str, Path], list[Line]]:
    """Find the folder's maps by participant label; a second map of a participant is left out."""
    if not maps_dir.is_dir():
        raise InputError(f"{maps_dir}: no such folder; expected one that holds mwrc1<id>.nii files.")
    maps: dict[str, Path] = {}
    lines: list[Line] = []
    files = sorted(
        path for path in maps_dir.rglob("*") if re.match(r"mwrc1.*\.nii(\.gz)?$", path.name, re.IGNORECASE)
    )
    for path in files:
        match = BURNER_NAME.fullmatch(path.name)
        if match is None:
            detail = f"{path.name}: expected mwrc1 and seven digits"
            lines.append(("n/a", "unrecognised_name", detail))
        elif match["digits"] in maps:
            detail = f"{path.name}: {maps[match['digits']].name} is used"
            lines.append((f"sub-{match['digits']}", "duplicate_map", detail))
        else:
            maps[match["digits"]] = path
    if not maps:
        raise InputError(
            f"{maps_dir}: no Burner maps found; expected files named mwrc1<seven digits>.nii[.gz]."
        )
    return maps, lines


def _match(maps: dict[str, Path], phenotype: Phenotype) -> tuple[dict[str, Path], list[Line]]:
    """Join maps and phenotype; give the pairs, and a line for each map or participant without the other."""
    known = phenotype.identifiers
    matched: dict[str, Path] = {}
    lines: list[Line] = []
    for label, path in maps.items():
        key = participant_key(label)
        if key not in known:
            lines.append((f"sub-{label}", "no_phenotype", f"{path.name}: no row of this participant"))
        elif unsure := phenotype.why_not(key):
            lines.append((f"sub-{label}", unsure[0], f"{path.name}: {unsure[1]}"))
        else:
            matched[label] = path
    with_map = {participant_key(label) for label in maps}
    lines += [(one, "no_map", "no Burner map") for key, one in known.items() if key not in with_map]
    return matched, [*lines, *phenotype.notes.itertuples(index=False, name=None)]


def _open_dataset(bids_dir: Path, maps_dir: Path, matched: dict[str, Path]) -> None:
    """Make the dataset's folder, or make sure that it is an earlier import of the same maps."""
    if bids_dir.exists() and not bids_dir.is_dir():
        raise InputError(f"{bids_dir}: is a file; expected a folder for the BIDS dataset.")
    if bids_dir.is_dir() and any(bids_dir.iterdir()):
        if not is_ours(read_description(bids_dir), STEP):
            raise InputError(
                f"{bids_dir}: holds something else than a Burner import. Choose a new or empty folder."
            )
        strangers = sorted(path.name for path in bids_dir.glob("sub-*") if path.name[4:] not in matched)
        if strangers:
            raise InputError(
                f"{bids_dir}: holds {strangers[0]}, which {maps_dir} and its phenotype have not: it is an "
                f"import of other maps. Choose a new or empty folder."
            )
    write_description(
        bids_dir,
        "ADHD-200, Burner release: modulated gray-matter maps",
        STEP,
        sources=[{"URL": "https://fcon_1000.projects.nitrc.org/indi/adhd200/"}],
        Authors=["The ADHD-200 Consortium", "The Neuro Bureau"],
        License="CC BY-NC",
    )


def _import_map(source: Path, bids_dir: Path, label: str) -> bool:
    """Copy one readable map under its BIDS name; return whether an earlier call had done so."""
    ending = ".nii.gz" if source.name.lower().endswith(".gz") else ".nii"
    stem = bids_dir / f"sub-{label}" / "anat" / f"sub-{label}_{NAME_END}"
    target = stem.with_name(f"{stem.name}{ending}")
    done = target.is_file()
    if done and not filecmp.cmp(source, target, shallow=False):
        raise InputError(f"{target}: is not a copy of {source}. Choose a new or empty folder.")
    if not done:
        try:
            read_map(source)
        except ImageError as error:
            if error.reason in REASONS:
                raise ImageError(REASONS[error.reason], error.detail) from error
        copy(source, target)
    write_json(
        {
            "Description": "Gray-matter volume per voxel: warped by DARTEL, scaled by its Jacobian",
            "SpatialReference": "https://www.fil.ion.ucl.ac.uk/spm/software/spm8/",
            "Modulated": True,
            "OriginalFile": source.name,
        },
        stem.with_name(f"{stem.name}.json"),
    )
    return done


def _write_tables(bids_dir: Path, phenotype: Phenotype, labels: set[str], exclusions: pd.DataFrame) -> None:
    """Write the phenotype of the imported participants, and what was left out."""
    imported = {participant_key(label): f"sub-{label}" for label in labels}
    table = phenotype.table.assign(participant_id=[imported.get(key) for key in phenotype.identifiers])
    table = table.loc[table["participant_id"].notna()].sort_values(by="participant_id")
    demographics = [name for name in DEMOGRAPHICS if name in table]
    rest = [name for name in table if name not in (*demographics, *DERIVED_FROM)]
    write_table(table.loc[:, demographics], phenotype.columns, bids_dir / "participants.tsv")
    if rest:
        path = bids_dir / "phenotype" / "adhd200.tsv"
        write_table(table.loc[:, ["participant_id", *rest]], phenotype.columns, path)
    write_tsv(exclusions, bids_dir / IMPORT_EXCLUSIONS)
    write_tsv(phenotype.conflicts, bids_dir / IMPORT_CONFLICTS)
    write_bidsignore(bids_dir, (IMPORT_EXCLUSIONS, IMPORT_CONFLICTS))
    write_text(README, bids_dir / "README.md")
