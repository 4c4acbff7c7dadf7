"""A first recipe for a dataset, as text: what was guessed, with the reason beside it, and what could not be told."""

import re
from collections.abc import Iterable, Iterator
from textwrap import shorten
from typing import Any

import yaml

from bids_adapters.cohort import OWN_COLUMNS
from bids_adapters.guesses.columns import Column
from bids_adapters.guesses.dataset import DatasetGuesses
from bids_adapters.images.kind import ADULT_SPACES

_LONGEST = 150
"""Characters of a comment."""
_SITES = 8
_VARIABLES = 40
"""Variables that are asked for; more are listed as comments, for each costs a row of every table and its time."""
_ITEMS = 5
"""Columns up to which those of a battery are asked for beside it."""
_CLAIMED = "adhd_index"
"""Where ADHD-200's scores are, the study's claims can be judged."""
_VALUES = {
    "modulated": "; their values are gray-matter volume",
    "unmodulated": "; their values are tissue probability, not volume",
}
_CHECK = "# CHOOSE: "
"""Begins what nobody can tell but the lab."""


def draft(found: DatasetGuesses, name: str) -> str:
    """Write the recipe.

    Parameters
    ----------
    name
        What the recipe is called.
    """
    parts = (_head(found, name), _cohort(found), _image(found), _analysis(found))
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def open_choices(found: DatasetGuesses) -> list[str]:
    """Name, in words, what nobody can tell but the lab; the recipe does not run before."""
    group = found.group
    if not group.column:
        return ["cohort.group, cohort.target and cohort.background"]
    return [] if group.target else ["cohort.target and cohort.background"]


def _head(found: DatasetGuesses, name: str) -> list[str]:
    kind = found.kind.describe() if found.kind is not None else "unknown"
    modulation = found.kind.modulation if found.kind is not None else ""
    sessions = ", ".join(f"{one or 'none'} ({count})" for one, count in found.sessions.most_common(5))
    lines = [
        "# Written by `adhd-cvae init` from names, tables and reports; no map was read. Each guess stands beside its",
        "# reason: check the groups first. What is not named is as in the recipe adhd200.",
        f"# {found.participants} participants with a map. Maps: {_plain(kind)}{_VALUES.get(modulation, '')}.",
    ]
    lines += [f"# Session of the map: {_plain(sessions)}."] if {*found.sessions} - {""} else []
    if found.left_out:
        reasons = ", ".join(f"{reason} {count}" for reason, count in found.left_out.most_common(5))
        lines += [f"# Not among them: {found.left_out.total()} ({_plain(reasons)})."]
    return [*lines, "base: adhd200", f"name: {_value(re.sub(r'[^A-Za-z0-9_-]+', '-', name) or 'own')}"]


def _cohort(found: DatasetGuesses) -> list[str]:
    return ["cohort:", *(f"  {line}" for part in (_group, _site, _covariates) for line in part(found))]


def _group(found: DatasetGuesses) -> Iterator[str]:
    guess, columns = found.group, found.columns
    if not guess.column:
        few = [f"{name}: {columns[name].counted()}" for name in guess.others]
        yield f"{_CHECK}no column tells patients from controls by its name or its words. Columns of few values:"
        yield from (f"#   {_plain(line)}" for line in few or ["none"])
        yield "# group: COLUMN"
        yield "# target: [PATIENTS]"
        yield "# background: [CONTROLS]"
        return
    column = columns[guess.column]
    own = guess.column.removeprefix("source_")  # as the tables have it
    yield f"group: {_value(own if own in OWN_COLUMNS else guess.column)}  # {_plain(column.counted(8))}"
    if guess.others:
        yield f"# It could also be {_plain(', '.join(guess.others[:5]))}."
    if not guess.target:
        yield f"{_CHECK}whose its values are; nothing says so."
        yield f"# target: {_values(column, column.counts)}  # keep the patients'"
        yield f"# background: {_values(column, column.counts)}  # keep the controls'"
        return
    yield f"# By {guess.why}."
    yield f"target: {_values(column, guess.target)}  # patients: {_count(column, guess.target)}"
    yield f"background: {_values(column, guess.background)}  # controls: {_count(column, guess.background)}"
    if guess.neither:
        labels = ", ".join(f"{column.label(one)} ({column.counts[one]})" for one in guess.neither)
        yield f"# In neither group, so left out: {_plain(labels)}"


def _count(column: Column, values: Iterable[str]) -> str:
    labels = [column.label(one) for one in values]
    return f"{sum(column.counts[one] for one in values)}" + (
        f" ({_plain(', '.join(labels))})" if column.levels else ""
    )


def _site(found: DatasetGuesses) -> Iterator[str]:
    if not found.site:
        yield "site: null  # no column is called like one and has several sites of several participants"
    else:
        column = found.columns[found.site]
        parts = [
            f"{column.label(name)} {target} + {background}"
            for name, (target, background) in list(found.by_site.items())[:_SITES]
        ]
        alone = [name for name, both in found.by_site.items() if 0 in both and sum(both)]
        yield f"site: {_value(found.site)}  # {len(column.counts)}, patients + controls: {_plain(', '.join(parts))}"
        if alone:
            names = _plain(", ".join(map(column.label, alone)))
            yield f"# One group only: {names}. The scanner cannot be told from the group there."
        if column.known < column.of:
            yield f"# {column.of - column.known} have no site."
    if found.machines:
        yield f"# Of the scanner too: {_plain(', '.join(found.machines))}."


def _covariates(found: DatasetGuesses) -> Iterator[str]:
    yield f"covariates: {_flow(found.covariates)}  # held constant: of age, sex and head size what nearly everybody has"
    if few := [f"{name} of {gap}" for name, gap in found.gaps.items() if name in found.covariates]:
        yield f"missing_covariates: impute  # median or commonest code for whoever lacks one: {_plain(', '.join(few))}"
    for name, gap in found.gaps.items():
        if name not in found.covariates:
            words = f"{name} is missing for {gap}; to hold it constant, name it above with missing_covariates: impute"
            yield f"# {_plain(words)}"
    if found.head_size:
        yield f"tiv_source: {found.tiv_source}  # head size: {_plain(found.head_size)}"
    else:
        yield "# Head size: neither a column nor a report of CAT12, FreeSurfer, SPM or sMRIPrep has it."
    motion = [name for name, one in found.columns.items() if one.is_motion]
    quality = [name for name, one in found.columns.items() if one.is_quality]
    words = " and ".join(
        f"{what}: {', '.join(names)}" for what, names in (("motion", motion), ("quality", quality)) if names
    )
    if words:
        yield f"# Compared between the groups, and held constant only if named above: {_plain(words)}"
    else:
        yield "# No column is called like a measure of motion or of a scan's quality."


def _image(found: DatasetGuesses) -> list[str]:
    kind, lines = found.kind, list[str]()
    if kind is None:
        return lines
    if kind.smoothing:
        lines += [f"  fwhm: 0  # the maps are smoothed already ({kind.smoothing})"]
    if kind.space != "template" and not ADULT_SPACES.fullmatch(kind.space):
        lines += [
            f"  # {_plain(kind.space)} is compared with the adult MNI152 template; if many are left out as"
        ]
        lines += ["  # not_in_template_space:", "  # min_template_correlation: null"]
    return ["image:" if kind.smoothing else "# image:", *lines] if lines else []


def _analysis(found: DatasetGuesses) -> list[str]:
    items = {name for names, _ in found.batteries.values() if len(names) > _ITEMS for name in names}
    scales = [(name, *guess) for name, guess in found.scales.items() if name not in items]
    asked = [one for one in scales if one[1]]
    lines = [
        "analysis:",
        "  variables:  # ratio: two participants differ by |a − b|; nominal: by being equal or not",
    ]
    for place, (name, scale, why) in enumerate(asked):
        mark = "- " if place < _VARIABLES else "# - "
        lines += [f"    {mark}{_flow({'name': name, 'scale': scale})}  # {_plain(why)}"]
    lines += [
        f"    - {_flow({'name': name, 'scale': 'ratio'})}  # first component of {len(names)} columns, of {count}"
        for name, (names, count) in found.batteries.items()
    ]
    if lines[-1].startswith("  variables") or all(line.lstrip().startswith("#") for line in lines[2:]):
        lines[1] = "  variables: []  # no column can be one"
    lines += [f"    # not {_plain(name)}: {_plain(why)}" for name, scale, why in scales if not scale]
    if found.batteries:
        lines += ["  batteries:  # columns of one scale, guessed by their names"]
        lines += [f"    {name}: {_flow(names)}" for name, (names, _) in found.batteries.items()]
    else:
        lines += [
            "  batteries: {}  # NAME: [COLUMNS], their first principal component; no columns are numbered alike"
        ]
    within = _value(found.site) if found.site else "null"
    lines += [
        f"  permute_within: {within}  # participants are permuted {'within sites' if found.site else 'freely'}"
    ]
    if not any(name.startswith(_CLAIMED) for name in found.columns):
        lines += ["  claims: []  # what a study says of a space, to be judged by this cohort"]
    return lines


def _values(column: Column, values: Iterable[str]) -> str:
    return _flow(
        [int(value) if column.is_whole else float(value) if column.is_number else value for value in values]
    )


def _value(value: Any) -> str:
    """Write a value so that YAML reads the same."""
    return _flow([value])[1:-1]


def _flow(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(
        plain, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False
    ).strip()


def _plain(text: str) -> str:
    """Bring a table's own words to one line of a comment."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return shorten(printable, _LONGEST, placeholder=" …")
