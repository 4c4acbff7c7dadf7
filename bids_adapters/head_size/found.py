"""What each program's reports say of the participants, on the scans that their maps were made of."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adhd_cvae.errors import InputError
from bids_adapters.head_size.readers import read_report
from bids_adapters.head_size.reports import FILES, Report, find_reports, of_map
from bids_adapters.images.naming import MapFile
from bids_adapters.phenotype.source import Note

TISSUES = ("GM", "WM", "CSF")


@dataclass(frozen=True)
class Found:
    """One program's reports.

    Attributes
    ----------
    place
        The folder of its dataset; of several, the one that most participants are in.
    measured
        Participant's key to what is measured and its value.
    volumes
        Participant's key to the maps of the tissues in native space, relative to the BIDS directory.
    """

    place: str = ""
    measured: dict[str, dict[str, float]] = field(default_factory=dict)
    volumes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Participants with a report."""
        return len(self.measured) + len(self.volumes)


def read_reports(bids_dir: Path, maps: Mapping[str, MapFile]) -> tuple[dict[str, Found], list[Note]]:
    """Read every program's reports on the scans of these maps, by the participants' keys."""
    grouped: dict[tuple[str, str], dict[str, list[Report]]] = defaultdict(lambda: defaultdict(list))
    for report in find_reports(bids_dir, maps.keys()):
        grouped[report.tool, report.place][report.key].append(report)
    best: dict[str, Found] = {}
    notes: list[Note] = []
    for (tool, place), of_each in sorted(grouped.items()):
        found = Found(place)
        for key, reports in of_each.items():
            if tool == "smriprep":
                found.volumes.update(_tissues(key, reports, maps[key]))
            elif values := _values(bids_dir, of_map(reports, maps[key]), notes):
                found.measured[key] = values
        if found.count > best.get(tool, Found()).count:
            best[tool] = found
    return best, notes


def _tissues(key: str, reports: Sequence[Report], map_file: MapFile) -> dict[str, tuple[str, ...]]:
    """Find one map of each tissue; nothing where one lacks or there are several."""
    by_tissue: dict[str, list[Report]] = {tissue: [] for tissue in TISSUES}
    for report in reports:
        if (match := FILES["smriprep"].search(report.path)) is not None:
            by_tissue[match["tissue"]].append(report)
    chosen = [of_map(mine, map_file) for mine in by_tissue.values()]
    return {key: tuple(mine[0].path[1:] for mine in chosen)} if all(len(mine) == 1 for mine in chosen) else {}


def _values(bids_dir: Path, reports: Sequence[Report], notes: list[Note]) -> dict[str, float]:
    """Read the reports on one scan; where they disagree, nobody knows which is its."""
    by_name: dict[str, set[float]] = defaultdict(set)
    for report in reports:
        try:
            values = report.values or read_report(bids_dir / report.path[1:], report.tool)
        except InputError as error:
            notes.append(Note(report.key, "unreadable_report", f"{report.path[1:]}: {error.problems[0]}"))
            continue
        for name, value in values.items():
            by_name[name].add(value)
    for name, several in by_name.items():
        if len(several) > 1:
            paths = " and ".join(dict.fromkeys(report.path[1:] for report in reports))
            detail = (
                f"{paths}: {name} is {' and '.join(f'{value:g}' for value in sorted(several))}; none is taken"
            )
            notes.append(Note(reports[0].key, "ambiguous_report", detail))
    return {name: several.pop() for name, several in by_name.items() if len(several) == 1}
