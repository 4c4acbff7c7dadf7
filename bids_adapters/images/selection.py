"""pybids index -> one gray-matter map a participant, chosen by a stated rule.

The rule. A map in a template's space, never its native sibling. One kind for the whole cohort, since mixing
modulated and unmodulated maps, or two programs', would plant a difference that is no anatomy: the most
preferred kind that enough of the participants with any map have, nine in ten by default (else the kind most
have); modulated before unmodulated, unsmoothed before smoothed, adult templates before others. Within it the
first session, then the first run, then the first acquisition and resolution, each in natural order, a name
without them first. A BIDS filter overrides all but the template's space.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from bids_adapters.images.filter import matches
from bids_adapters.images.index import Image, index_images
from bids_adapters.images.naming import ADULT_SPACES, MapFile, recognise, unrecognised
from bids_adapters.phenotype.source import natural_order

_DIALECTS = ("BIDS probseg", "CAT12", "SPM", "Clinica CAPS", "Athena", "named by the filter")
_USUAL_SPACES = ("MNI152NLin2009cAsym", "MNI152NLin6Asym")


@dataclass(frozen=True)
class Maps:
    """The chosen maps and the ones left out.

    Attributes
    ----------
    chosen
        Participant's key to the map and the words for how it was chosen.
    left_out
        Every other gray-matter map: the file, a stable reason and a detail.
    """

    chosen: dict[str, tuple[MapFile, str]]
    left_out: list[tuple[MapFile, str, str]]


def find_maps(
    bids_dir: Path,
    bids_filter: Mapping[str, Any] | None = None,
    index_cache: Path | None = None,
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
    index_cache
        Folder that keeps the index between calls.
    coverage
        Share of the participants with any map that a kind must have to be preferred.

    Raises
    ------
    InputError
        There is no such folder.
    """
    if not bids_dir.is_dir():
        raise InputError(f"{bids_dir}: no such folder; expected a BIDS dataset.")
    files, left_out = _candidates(index_images(bids_dir, index_cache), bids_filter)
    native = [file for file in files if not file.in_template_space]
    left_out += [(file, "native_space", f"{file.path}: {file.describe()}") for file in native]
    usable = [file for file in files if file.in_template_space]
    if not usable:
        return Maps({}, left_out)
    kind = _choose_kind(usable, coverage)
    example = next(file for file in usable if file.kind == kind)
    by_participant: dict[str, list[MapFile]] = defaultdict(list)
    for file in usable:
        if file.kind == kind:
            by_participant[file.key].append(file)
        else:
            detail = f"{file.path}: {file.describe()}; the cohort uses {example.describe()}"
            left_out.append((file, "other_kind", detail))
    chosen = {}
    for key, mine in by_participant.items():
        labels = sorted({file.label for file in mine})
        if len(labels) > 1:
            words = " and ".join(f"sub-{label}" for label in labels)
            left_out += [
                (file, "ambiguous_identifier", f"{file.path}: {words} differ in zeros only") for file in mine
            ]
            continue
        first, *others = sorted(mine, key=_within_participant)
        chosen[key] = (first, _words(first, len(others)))
        left_out += [(file, _why_later(first, file), f"{file.path}: {first.path} is used") for file in others]
    return Maps(chosen, left_out)


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


def _choose_kind(files: Sequence[MapFile], coverage: float) -> tuple[str, str, str, bool, bool, str]:
    """Choose the cohort's kind of map by preference among those that most participants have."""
    participants: dict[tuple[str, str, str, bool, bool, str], set[str]] = defaultdict(set)
    for file in files:
        participants[file.kind].add(file.key)
    everyone = len({file.key for file in files})
    usual = [kind for kind, keys in participants.items() if len(keys) >= coverage * everyone]
    if not usual:
        most = max(map(len, participants.values()))
        usual = [kind for kind, keys in participants.items() if len(keys) == most]
    examples = {file.kind: file for file in files}
    return min(usual, key=lambda kind: _preference(examples[kind]))


def _preference(file: MapFile) -> tuple[Any, ...]:
    """Sort key of kinds, the preferred first."""
    adult = file.space == "template" or ADULT_SPACES.fullmatch(file.space) is not None
    space = _USUAL_SPACES.index(file.space) if file.space in _USUAL_SPACES else len(_USUAL_SPACES)
    plain = file.description in ("", "modulated")
    order = (not file.modulated, file.smoothed, not adult, not plain, _DIALECTS.index(file.dialect), space)
    return (*order, file.space, file.description, file.root)


def _within_participant(file: MapFile) -> tuple[Any, ...]:
    """Sort key of one participant's maps of one kind, the first to be used."""
    parts = (file.session, file.run, file.acquisition, file.resolution, file.path)
    return tuple(natural_order(part) for part in parts)


def _why_later(first: MapFile, other: MapFile) -> str:
    """Give the stable reason for which a map of the chosen kind was left out."""
    reasons = (
        ("session", "later_session"),
        ("run", "later_run"),
        ("acquisition", "other_acquisition"),
        ("resolution", "other_resolution"),
    )
    return next(
        (why for name, why in reasons if getattr(first, name) != getattr(other, name)), "duplicate_map"
    )


def _words(file: MapFile, others: int) -> str:
    """Write down how a participant's map was chosen."""
    parts = (("ses", file.session), ("run", file.run), ("acq", file.acquisition), ("res", file.resolution))
    which = " ".join(f"{name}-{value}" for name, value in parts if value)
    only = "the only one" if others == 0 else f"first of {others + 1}"
    return f"{file.describe()}; {only}" + (f" ({which})" if which else "")
