"""pybids' index -> one gray-matter map a participant, chosen by a stated rule.

The rule. A map in a template's space, never its native sibling. One kind for the whole cohort, since a mixture
would plant a difference that is no anatomy: the most preferred kind that enough of the participants with any map
have, nine in ten by default (else the kind most have); `Kind.preference` orders them. Within it the first session,
by dates or by the study's own order, then the acquisition that most participants have, then the first run. A BIDS
filter overrides all but the template's space.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adhd_cvae.config import CohortConfig
from bids_adapters.images.filter import matches
from bids_adapters.images.index import Image, index_images
from bids_adapters.images.kind import Kind
from bids_adapters.images.naming import MapFile, recognise, unrecognised
from bids_adapters.sessions import SessionTimes, earliest, session_key


@dataclass(frozen=True)
class Maps:
    """The chosen maps and the ones left out.

    Attributes
    ----------
    chosen
        Participant's key to the map and the words for how it was chosen.
    left_out
        Every other gray-matter map: the file, a stable reason and a detail.
    kind
        Of all the chosen; None where there is no map.
    """

    chosen: dict[str, tuple[MapFile, str]]
    left_out: list[tuple[MapFile, str, str]]
    kind: Kind | None = None


def find_maps(
    bids_dir: Path,
    bids_filter: Mapping[str, Any] | None = None,
    images: Iterable[Image] | None = None,
    *,
    coverage: float = CohortConfig().kind_coverage,
) -> Maps:
    """Find every participant's gray-matter map.

    Parameters
    ----------
    bids_dir
        A derivative dataset, or a dataset with ``derivatives/*``.
    bids_filter
        Entities the map must have, as :func:`bids_adapters.images.filter.read_filter` returns them.
    images
        What `index_images` lists of `bids_dir`; asked afresh where None.
    coverage
        Share of the participants with any map that a kind must have to be preferred.

    Raises
    ------
    InputError
        There is no such folder.
    """
    files, left_out = _candidates(index_images(bids_dir) if images is None else images, bids_filter)
    native = [file for file in files if not file.kind.in_template_space]
    left_out += [(file, "native_space", f"{file.path}: {file.kind.describe()}") for file in native]
    usable = [file for file in files if file.kind.in_template_space]
    if not usable:
        return Maps({}, left_out)
    kind = _choose_kind(usable, coverage)
    left_out += [
        (file, "other_kind", f"{file.path}: {file.kind.describe()}; the cohort uses {kind.describe()}")
        for file in usable
        if file.kind != kind
    ]
    alike = [file for file in usable if file.kind == kind]
    around = bids_dir.resolve().parent
    outer = (around.parent,) if around.name == "derivatives" else ()
    times = SessionTimes((bids_dir, *outer, bids_dir / kind.root))
    chosen, others = _one_each(alike, times)
    return Maps(chosen, left_out + others, kind)


def _one_each(
    files: Sequence[MapFile], times: SessionTimes
) -> tuple[dict[str, tuple[MapFile, str]], list[tuple[MapFile, str, str]]]:
    """Choose one map a participant among those of one kind."""
    by_participant: dict[str, list[MapFile]] = defaultdict(list)
    for file in files:
        by_participant[file.key].append(file)
    within_session = _order(files)
    chosen, left_out = {}, []
    for key, mine in by_participant.items():
        labels = sorted({file.label for file in mine})
        if len(labels) > 1:
            words = " and ".join(f"sub-{label}" for label in labels)
            left_out += [
                (file, "ambiguous_identifier", f"{file.path}: {words} differ in zeros only") for file in mine
            ]
            continue
        sessions = {file.session for file in mine}
        first = earliest(sessions, times.of(labels[0]) if len(sessions) > 1 else None)
        if first is None:
            words = (
                f"neither sessions.tsv nor their names say which of {', '.join(sorted(sessions))} came first; "
                "choose one with --bids-filter-file"
            )
            left_out += [(file, "unordered_sessions", f"{file.path}: {words}") for file in mine]
            continue
        of_first = [file for file in mine if session_key(file.session) == session_key(first)]
        used = min(of_first, key=within_session)
        chosen[key] = (used, _words(used, len(mine) - 1))
        left_out += [
            (file, _why_not(used, file), f"{file.path}: {used.path} is used") for file in mine if file != used
        ]
    return chosen, left_out


def _candidates(
    images: Iterable[Image], bids_filter: Mapping[str, Any] | None
) -> tuple[list[MapFile], list[tuple[MapFile, str, str]]]:
    """List recognised maps that pass the filter; where none does, any image that passes it."""
    recognised: list[MapFile] = []
    filtered: list[tuple[MapFile, str, str]] = []
    by_filter: list[MapFile] = []
    for path, root, entities in images:
        found = recognise(path, root, entities)
        passes = bids_filter is None or matches(entities, bids_filter)
        if found is not None and passes:
            recognised.append(found)
        elif found is not None:
            filtered.append((found, "filtered", f"{path}: the BIDS filter leaves it out"))
        elif bids_filter is not None and passes and (named := unrecognised(path, root, entities)) is not None:
            by_filter.append(named)
    return recognised or by_filter, filtered


def _choose_kind(files: Sequence[MapFile], coverage: float) -> Kind:
    """Choose the cohort's kind of map by preference among those that most participants have."""
    participants: dict[Kind, set[str]] = defaultdict(set)
    for file in files:
        participants[file.kind].add(file.key)
    everyone = len({file.key for file in files})
    usual = [kind for kind, keys in participants.items() if len(keys) >= coverage * everyone]
    if not usual:
        most = max(map(len, participants.values()))
        usual = [kind for kind, keys in participants.items() if len(keys) == most]
    return min(usual, key=lambda kind: (kind.preference, -len(participants[kind]), kind.describe()))


def _order(files: Sequence[MapFile]) -> Callable[[MapFile], tuple[Any, ...]]:
    """Give the sort key of one session's maps of one kind, the first to be used.

    Which acquisition and which folder most participants have is asked first: by the alphabet, patients who were
    scanned with two would get another than controls who were scanned with one.
    """
    acquisitions, folders = Counter[str](), Counter[str]()
    for _, acquisition in {(file.key, file.acquisition) for file in files}:
        acquisitions[acquisition] += 1
    for _, folder in {(file.key, _folder(file)) for file in files}:
        folders[folder] += 1

    def order(file: MapFile) -> tuple[Any, ...]:
        common = (-acquisitions[file.acquisition], -folders[_folder(file)])
        return (*common, *map(_natural, (file.run, file.acquisition, file.path)))

    return order


def _folder(file: MapFile) -> str:
    """Where a participant's folder lies."""
    return file.path.rpartition("/")[0].partition(f"sub-{file.label}")[0]


def _why_not(used: MapFile, other: MapFile) -> str:
    """Give the stable reason for which a map of the chosen kind was left out."""
    if session_key(used.session) != session_key(other.session):
        return "later_session"
    reasons = (("run", "later_run"), ("acquisition", "other_acquisition"))
    return next(
        (why for name, why in reasons if getattr(used, name) != getattr(other, name)), "duplicate_map"
    )


def _words(file: MapFile, others: int) -> str:
    """Write down how a participant's map was chosen."""
    parts = (("ses", file.session), ("run", file.run), ("acq", file.acquisition))
    which = " ".join(f"{name}-{value}" for name, value in parts if value)
    only = "the only one" if others == 0 else f"first of {others + 1}"
    return f"{file.kind.describe()}; {only}" + (f" ({which})" if which else "")


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key under which ``2`` comes before ``10``."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts]
