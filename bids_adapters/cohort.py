"""Images + phenotype -> cohort + exclusions: a line for every participant and file that is not in it."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.io import MISSING
from adhd_cvae.names import EXCLUSION_COLUMNS, GROUP_LABELS
from bids_adapters.head_size.measures import add_measures, measure_volumes
from bids_adapters.identifiers import find_key, participant_label
from bids_adapters.images.filter import read_filter
from bids_adapters.images.index import Image
from bids_adapters.images.kind import Kind
from bids_adapters.images.naming import MapFile
from bids_adapters.images.selection import Maps, find_maps
from bids_adapters.phenotype.files import find_phenotype, leave_out_not_fetched
from bids_adapters.phenotype.groups import find_group_column, read_groups
from bids_adapters.phenotype.provenance import Provenance
from bids_adapters.phenotype.sessions import Sessions
from bids_adapters.phenotype.source import Note
from bids_adapters.phenotype.table import Phenotype, read_phenotype
from bids_adapters.phenotype.text_table import read_text_table
from bids_adapters.refusals import check_groups, no_tables
from bids_adapters.sessions import SessionTimes

IMPORT_EXCLUSIONS = "import_exclusions.tsv"
IMPORT_CONFLICTS = "import_conflicts.tsv"
OWN_COLUMNS = ("image", "image_choice", "group", "fold")
"""Columns the cohort adds; a phenotype column of that name becomes ``source_<name>``."""


@dataclass(frozen=True)
class Cohort:
    """The participants of an analysis.

    Attributes
    ----------
    table
        `participant_id`, `image` (path relative to the BIDS directory), `group`, the harmonised phenotype,
        head size (`tiv`, ml) and scan quality where the dataset has them, and last `image_choice`, how the map was
        chosen.
    columns
        BIDS JSON sidecar of `table`.
    exclusions
        `participant_id`, `stage`, `reason`, `detail`: every participant, file, row and value left out. A
        participant may have a line and still be in the cohort: another of its files was left out.
    conflicts
        Values on which the phenotype files disagree.
    kind
        How all maps were made; None where there is no map.
    provenance
        Tables and rows that the values of a column of `table` come from; those of `group` among them.
    sessions
        `participant_id` to the session of the map; empty where it has none.
    volumes
        `participant_id` to the maps whose sum is the head size, where `tiv` is one and `measure_head_size` has yet to
        read them.
    """

    table: pd.DataFrame
    columns: dict[str, dict[str, Any]]
    exclusions: pd.DataFrame
    conflicts: pd.DataFrame
    kind: Kind | None = None
    provenance: dict[str, Provenance] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    volumes: dict[str, tuple[str, ...]] = field(default_factory=dict)


def build_cohort(
    bids_dir: Path,
    settings: CohortConfig,
    *,
    participant_labels: Sequence[str] = (),
    bids_filter: Mapping[str, Any] | None = None,
    phenotype_files: Sequence[Path] = (),
    prefer: Path | None = None,
    require_groups: bool = True,
    images: Iterable[Image] | None = None,
) -> Cohort:
    """Join the gray-matter maps of a BIDS directory with its phenotype.

    Parameters
    ----------
    bids_dir
        A derivative dataset, or a dataset with ``derivatives/*``.
    settings
        Which column and codes make target and background.
    participant_labels
        Only these participants, with or without ``sub-``; all where empty.
    bids_filter
        A BIDS-Apps filter, as read from its JSON file; its query ``gm`` chooses among several maps.
    phenotype_files
        Tables beside those of the dataset (participants.tsv and phenotype/*.tsv).
    prefer
        The phenotype file to trust where files disagree.
    require_groups
        False to embed new participants: the phenotype may then be missing, and so may `group`.
    images
        What `index_images` lists of `bids_dir`; asked afresh where None.

    Raises
    ------
    InputError
        No such folder, a table that cannot be read, an unknown participant, no group column, nobody left, one group
        only, or nothing of the `tiv_source` that was asked for.
    """
    bids_dir = Path(bids_dir)
    query = None if bids_filter is None else read_filter(bids_filter)
    maps = find_maps(bids_dir, query, images, coverage=settings.kind_coverage)
    files, not_fetched = leave_out_not_fetched(find_phenotype(bids_dir))
    files += map(Path, phenotype_files)
    if require_groups and not files:
        raise InputError(*(not_fetched or [no_tables(bids_dir)]))
    phenotype = _read_phenotype(bids_dir, files, prefer, maps, settings)
    groups = read_groups(phenotype, settings, files, not_fetched, required=require_groups)
    found = _Found(maps, phenotype, groups, require_groups)
    wanted = _wanted(found.identifiers, participant_labels, bids_dir)
    reasons = {key: found.why_not(key, wanted) for key in found.identifiers}
    lines = [(found.identifiers[key], *reason) for key, reason in reasons.items() if reason is not None]
    lines += [*_imported(bids_dir), *found.notes()]
    lines += [(MISSING, "phenotype", "not_fetched", detail) for detail in not_fetched]
    exclusions = _sorted(pd.DataFrame(lines, columns=list(EXCLUSION_COLUMNS)))
    table = found.table(kept := [key for key, reason in reasons.items() if reason is None])
    check_groups(table, exclusions, settings, bids_dir, groups if require_groups else None)
    columns, origins = _columns(table, phenotype), _provenance(phenotype, settings)
    cohort = Cohort(table, columns, exclusions, phenotype.conflicts, maps.kind, origins, found.sessions())
    return _with_measures(cohort, {key: maps.chosen[key][0] for key in kept}, bids_dir, settings)


def _with_measures(
    cohort: Cohort, scans: Mapping[str, MapFile], bids_dir: Path, settings: CohortConfig
) -> Cohort:
    """Add head size and the quality of scans."""
    found = add_measures(cohort.table, cohort.columns, scans, cohort.kind, bids_dir, settings)
    cohort = replace(cohort, table=found.table, columns=found.columns, volumes=found.volumes)
    return _with_notes(cohort, found.notes)


def measure_head_size(
    cohort: Cohort,
    bids_dir: Path,
    settings: CohortConfig,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> Cohort:
    """Fill `tiv` in where it is a sum of maps, which `build_cohort` does not open; of other sources nothing changes."""
    if not cohort.volumes:
        return cohort
    values, notes = measure_volumes(cohort.volumes, Path(bids_dir), settings, tick)
    tiv = [values.get(str(name), float("nan")) for name in cohort.table["participant_id"]]
    return _with_notes(replace(cohort, table=cohort.table.assign(tiv=tiv), volumes={}), notes)


def _with_notes(cohort: Cohort, notes: Sequence[Note]) -> Cohort:
    """Add lines about reports and values that were not taken."""
    lines = [(note.key or MISSING, "phenotype", note.reason, note.detail) for note in notes]
    added = pd.DataFrame(lines, columns=list(EXCLUSION_COLUMNS), dtype=object)
    return replace(cohort, exclusions=_sorted(pd.concat([cohort.exclusions, added]))) if lines else cohort


def _sorted(exclusions: pd.DataFrame) -> pd.DataFrame:
    return exclusions.sort_values([*EXCLUSION_COLUMNS], ignore_index=True)


def _provenance(phenotype: Phenotype, settings: CohortConfig) -> dict[str, Provenance]:
    """Give where the cohort's columns come from, the group among them."""
    column = find_group_column(phenotype.table, settings)
    found = {_own_name(name): one for name, one in phenotype.provenance.items()}
    return {**found, "group": phenotype.provenance.get(column or "", Provenance())}


def _read_phenotype(
    bids_dir: Path, files: Sequence[Path], prefer: Path | None, maps: Maps, settings: CohortConfig
) -> Phenotype:
    """Read the tables, of each participant the rows of the session of the map."""
    whole = bids_dir.resolve()
    described_by = (bids_dir, whole.parents[1]) if whole.parent.name == "derivatives" else (bids_dir,)
    of_maps = {key: file.session for key, (file, _) in maps.chosen.items() if file.session}
    sessions = Sessions(of_maps, SessionTimes(described_by))
    return read_phenotype(files, prefer, bids_dir, foreign_share=settings.foreign_share, sessions=sessions)


@dataclass(frozen=True)
class _Found:
    """Maps, phenotype and groups of everybody, by what the spellings of an identifier share."""

    maps: Maps
    phenotype: Phenotype
    groups: Mapping[str, tuple[str, str]]
    require_groups: bool

    @cached_property
    def identifiers(self) -> dict[str, str]:
        """Everybody's identifier by key, in order; the spelling of the maps' folders comes first."""
        found = self.phenotype.identifiers
        found |= {file.key: f"sub-{file.label}" for file, _, _ in self.maps.left_out}
        found |= {key: f"sub-{file.label}" for key, (file, _) in self.maps.chosen.items()}
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def why_not(self, key: str, wanted: set[str] | None) -> tuple[str, str, str] | None:
        """Give stage, reason and detail for which a participant is left out, or None where it stays."""
        if wanted is not None and key not in wanted:
            return ("layout", "not_selected", "not among the participants asked for")
        if unsure := self.phenotype.why_not(key):
            return ("phenotype", *unsure)
        if key not in self.maps.chosen:
            others = [f"{reason}: {file.path}" for file, reason, _ in self.maps.left_out if file.key == key]
            return ("layout", "no_map", "; ".join(others) or "no gray-matter map found")
        return self._why_no_group(key) if self.require_groups else None

    def _why_no_group(self, key: str) -> tuple[str, str, str] | None:
        if key not in self.groups:
            detail = f"{self.maps.chosen[key][0].path}: no phenotype table names the participant"
            return ("phenotype", "no_phenotype", detail)
        group, code = self.groups[key]
        if not code:
            return ("phenotype", "group_missing", "no code of the group is known")
        return (
            None if group else ("phenotype", "group_unused", f"code {code} is neither target nor background")
        )

    def sessions(self) -> dict[str, str]:
        """Give each participant's session of the map."""
        return {self.identifiers[key]: file.session for key, (file, _) in self.maps.chosen.items()}

    def notes(self) -> list[tuple[str, str, str, str]]:
        """Give a line for each file, row and value left out."""
        files = [
            (self.identifiers[file.key], "layout", reason, detail)
            for file, reason, detail in self.maps.left_out
        ]
        notes = self.phenotype.notes.itertuples(index=False)
        return [*files, *((one, "phenotype", reason, detail) for one, reason, detail in notes)]

    def table(self, keys: Sequence[str]) -> pd.DataFrame:
        """Join maps and phenotype of those who stay, one row a participant."""
        at = {key: row for row, key in enumerate(self.phenotype.identifiers)}
        # A row beyond the last is taken as missing: participants without phenotype, embedded with a model only.
        rows = self.phenotype.table.reset_index(drop=True).reindex([at.get(key, len(at)) for key in keys])
        columns: dict[str, Any] = {
            "participant_id": [self.identifiers[key] for key in keys],
            "image": [self.maps.chosen[key][0].path for key in keys],
            "group": [self.groups.get(key, ("", ""))[0] or None for key in keys],
        }
        for name in rows.columns[1:]:
            columns[_own_name(str(name))] = rows[name].array
        columns["image_choice"] = [self.maps.chosen[key][1] for key in keys]
        return pd.DataFrame(columns)


def _own_name(name: str) -> str:
    """Name a phenotype column in the cohort, which has columns of its own."""
    return f"source_{name}" if name in OWN_COLUMNS else name


def _wanted(identifiers: Mapping[str, str], labels: Sequence[str], bids_dir: Path) -> set[str] | None:
    """Give the keys of the participants asked for, or None for everyone."""
    if not labels:
        return None
    wanted, problems = set(), []
    for text in labels:
        if (key := find_key(text)) in identifiers:
            wanted.add(key)
            continue
        near = difflib.get_close_matches(f"sub-{participant_label(text)}", list(identifiers.values()), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        problems.append(f"{bids_dir}: no participant {text!r} among its {len(identifiers)}.{hint}")
    if problems:
        raise InputError(*problems)
    return wanted


def _imported(bids_dir: Path) -> list[tuple[str, str, str, str]]:
    """Read what an import left out before there was a BIDS dataset."""
    path = bids_dir / IMPORT_EXCLUSIONS
    rows = read_text_table(path).rows if path.is_file() else ()
    return [(one, stage, reason, detail) for one, stage, reason, detail in rows]


def _columns(table: pd.DataFrame, phenotype: Phenotype) -> dict[str, dict[str, Any]]:
    """Describe the cohort's columns."""
    own: dict[str, dict[str, Any]] = {
        "image": {
            "Description": "Gray-matter map, path relative to the BIDS directory",
            "Origin": "BIDS layout",
        },
        "group": {
            "Description": "Group of the contrastive model",
            "Levels": GROUP_LABELS,
            "Origin": "the recipe's cohort.group, cohort.target and cohort.background",
        },
        "image_choice": {"Description": "How the map was chosen", "Origin": "BIDS layout"},
    }
    described = {**{_own_name(name): entry for name, entry in phenotype.columns.items()}, **own}
    return {str(name): described[str(name)] for name in table.columns}
