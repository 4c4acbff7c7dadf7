"""Which reports a dataset has beside its maps, and whose they are."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from adhd_cvae.errors import InputError
from bids_adapters.identifiers import find_key, participant_key
from bids_adapters.images.index import walk
from bids_adapters.images.naming import SESSION_FOLDER, SEVEN_DIGITS, MapFile
from bids_adapters.phenotype.codebook import canonical_number
from bids_adapters.phenotype.text_table import read_text_table, snake_case
from bids_adapters.sessions import session_key

FILES = {
    "cat12": re.compile(r"/cat_[^/]+\.xml$"),
    "freesurfer": re.compile(r"/[^/]+/stats/aseg\.stats$"),
    "spm": re.compile(r"_seg8\.mat$"),
    "smriprep": re.compile(r"/sub-(?!.*_space-)[^/]*_label-(?P<tissue>GM|WM|CSF)_probseg\.nii(?:\.gz)?$"),
}
MRIQC = {"T1w": ("cjv", "cnr", "efc", "snr_total"), "bold": ("fd_mean",)}
"""Columns of MRIQC's tables of everybody that are kept, by the tables' ``group_…`` names."""
_TABLES = re.compile(r"/group_(?P<modality>T1w|bold)\.tsv$|(?P<volumes>\.csv$)")
_VOLUMES = ("volume1", "volume2", "volume3")
"""Gray matter, white matter and fluid in litres, as SPM's Tissue Volumes writes them beside the column ``File``."""
_IGNORED = re.compile(
    r"/\.|/(?:func|dwi|fmap|perf|meg|eeg|figures|surf|logs?|code|stimuli|models|phenotype)(?:/|$)"
    r"|/sourcedata/(?!freesurfer)"
)
_PLACE = re.compile(r"/(derivatives/(?!sub-)[^/]+)/")
_LONGITUDINAL = re.compile(r"\.long\.|/cat_(?:avg_?|r)(?=sub-)")


class Report(NamedTuple):
    """One participant's report.

    Attributes
    ----------
    tool, place
        The program, and its dataset's folder: two versions of a program are not mixed either.
    path
        Relative to the BIDS directory, with a leading slash.
    values
        What a table of everybody says; empty where the file has yet to be read.
    """

    tool: str
    place: str
    path: str
    key: str
    session: str
    run: str
    acquisition: str
    values: Mapping[str, float] = {}


def find_reports(bids_dir: Path, keys: Collection[str]) -> Iterator[Report]:
    """Find the reports on some participants, by their keys, in a dataset and its derivatives."""
    for path in walk(bids_dir, lambda path: _IGNORED.search(path) is not None).files:
        for tool, pattern in FILES.items():
            if pattern.search(path):
                text = path.split("/")[-3] if tool == "freesurfer" else Path(path).stem
                yield from _report(tool, path, path, text, keys)
        if (table := _TABLES.search(path)) is None or "/sub-" in path:
            continue
        if table["volumes"]:
            yield from _rows("spm", bids_dir, path, "file", _VOLUMES, keys)
        else:
            columns = MRIQC[table["modality"]]
            rows = list(_rows(f"mriqc {table['modality']}", bids_dir, path, "bids_name", columns, keys))
            yield from rows if table["modality"] == "T1w" else _averaged(rows)


def of_map(reports: Sequence[Report], map_file: MapFile) -> list[Report]:
    """Give the reports, of one participant's, on the scan that a map was made of.

    Those of another session never stand in; reports that name no session, and a map that names none where all reports
    are of one session, are taken at their word. Run and acquisition count where both have them.
    """
    sessions = {session_key(one.session) for one in reports}
    mine = [one for one in reports if session_key(one.session) == session_key(map_file.session)]
    if not mine and len(sessions) == 1 and "" in (map_file.session, *sessions):
        mine = list(reports)
    for name in ("run", "acquisition"):
        wanted = session_key(getattr(map_file, name))
        mine = [one for one in mine if session_key(getattr(one, name)) == wanted] or mine
    return mine


def _report(
    tool: str,
    path: str,
    written: str,
    text: str,
    keys: Collection[str],
    values: Mapping[str, float] | None = None,
) -> Iterator[Report]:
    """Say whose a report is by the way in which it is named, if it is one of those that are looked for."""
    if subjects := re.findall(r"sub-([0-9A-Za-z+]+)", written):
        key = participant_key(subjects[-1])
    else:
        text = re.sub(r"^cat_|_seg8$", "", text)
        numbers = SEVEN_DIGITS.findall(text)
        key = find_key(text)
        key = key if key in keys or len(numbers) != 1 else find_key(numbers[0])
    if key is None or key not in keys:
        return
    place = _PLACE.match(path)
    folder = SESSION_FOLDER.search(written.removeprefix(f"/{place[1]}" if place else ""))
    found = [re.findall(rf"[_/]{name}-([0-9A-Za-z+]+)", written) for name in ("ses", "run", "acq")]
    session, run, acquisition = (several[-1] if several else "" for several in found)
    where = (place[1] if place else "") + (" (longitudinal)" if _LONGITUDINAL.search(written) else "")
    session = session or (folder[1] if folder else "")
    yield Report(tool, where, path, key, session, run, acquisition, values or {})


def _rows(
    tool: str, bids_dir: Path, path: str, name: str, columns: Sequence[str], keys: Collection[str]
) -> Iterator[Report]:
    """Read a table of everybody; one without the columns is another program's."""
    file = bids_dir / path[1:]
    try:
        if not file.is_file() or name not in _header(file):
            return
        table = read_text_table(file)
    except (InputError, OSError):
        return
    at = {snake_case(header): position for position, header in enumerate(table.headers)}
    if (
        not {name} <= at.keys()
        or not {*columns} & at.keys()
        or (tool == "spm" and not {*columns} <= at.keys())
    ):
        return
    for row in table.rows:
        numbers = {one: canonical_number(row[at[one]]) for one in columns if one in at}
        values = {one: float(number) for one, number in numbers.items() if number is not None}
        if tool == "spm":
            values = {"tiv": 1000 * sum(values.values())} if len(values) == len(columns) else {}
        written = "/" + row[at[name]].replace("\\", "/")
        if values:
            yield from _report(tool, path, written, Path(written).stem, keys, values)


def _header(file: Path) -> str:
    """Begin to read a table, which may be large and another's."""
    with file.open("rb") as opened:
        return opened.readline(4096).decode("utf-8", "replace").casefold()


def _averaged(rows: Sequence[Report]) -> Iterator[Report]:
    """Average over a session's runs and tasks."""
    by_session: dict[tuple[str, str], list[Report]] = defaultdict(list)
    for row in rows:
        by_session[row.key, session_key(row.session)].append(row)
    for mine in by_session.values():
        names = dict.fromkeys(name for one in mine for name in one.values)
        means = {
            name: float(np.mean([one.values[name] for one in mine if name in one.values])) for name in names
        }
        yield mine[0]._replace(run="", acquisition="", values=means)
