"""Patients and controls: the recipe's group column and codes against the phenotype's own values and words."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError, named
from adhd_cvae.names import BACKGROUND, TARGET
from bids_adapters.phenotype.codebook import (
    BY_NAME,
    canonical_number,
    find_column,
    plain_code,
    plain_words,
    read_value,
)
from bids_adapters.phenotype.provenance import Provenance
from bids_adapters.phenotype.rows import OF_ROWS
from bids_adapters.phenotype.sidecar import Description
from bids_adapters.phenotype.table import Phenotype
from bids_adapters.phenotype.text_table import snake_case

MOST_GROUPS = 6
"""Values that a column may have to be named as one that could tell the groups."""
_IN_YAML = {True: {"yes", "true", "on", "y", "t"}, False: {"no", "false", "off", "n", "f"}}
"""What a table may write where YAML has read yes or no."""
_CONTROL = re.compile(r"no( adhd| diagnosis| disorder)?|none|non adhd|not adhd|without adhd|unaffected|0")
_PATIENT = re.compile(
    r"(adhd|add|attention deficit( hyperactivity)?( disorder)?)( (adhd|nos|any|other|unspecified|combined|inattentive"
    r"|hyperactive|impulsive|(sub ?)?types?|presentation|patients?|group|participants?|subjects?|child(ren)?|cases?))*"
    r"|yes|affected|patients?|cases?|probands?|diagnosed( with adhd)?"
)


def find_group_column(table: pd.DataFrame, settings: CohortConfig) -> str | None:
    """Find the recipe's group column, however it is spelled."""
    known = find_column(settings.group)
    names = (settings.group, snake_case(settings.group), known.name if known else settings.group)
    return next((name for name in names if name in table and name != "participant_id"), None)


def read_groups(
    phenotype: Phenotype,
    settings: CohortConfig,
    files: Sequence[Path],
    not_fetched: Sequence[str] = (),
    *,
    required: bool,
) -> dict[str, tuple[str, str]]:
    """Give each key's group (empty where it has none) and the code it was read from.

    Raises
    ------
    InputError
        Where groups are required: no such column, none of its values is a code of patients or of controls, or the
        dataset's own words say that they are others.
    """
    table, where = phenotype.table, ", ".join(path.name for path in files)
    column = find_group_column(table, settings)
    if column is None:
        if not required:
            return {}
        raise InputError(_no_group(table, settings, where), *not_fetched)
    held = Counter(str(value) for value in table[column].dropna())
    levels = {
        plain_code(code): str(text) for code, text in phenotype.columns[column].get("Levels", {}).items()
    }
    groups = {TARGET: settings.target, BACKGROUND: settings.background}
    met = [
        (value, group)
        for group, given in groups.items()
        for code in given
        for value in _meets(code, column, held, levels)
    ]
    codes = dict(met)
    if both := sorted({value for value, group in met if codes[value] != group}):
        raise InputError(f"{column} {named(both)} is in cohort.target and in cohort.background.")
    if required:
        _check_levels(column, codes, levels, settings, phenotype.columns[column].get("Origin", where))
        _check_values(column, codes, held, settings, phenotype, where)
    values = zip(phenotype.identifiers, table[column], strict=True)
    return {
        key: ("", "") if pd.isna(value) else (codes.get(str(value), ""), str(value)) for key, value in values
    }


def _meets(code: object, column: str, held: Mapping[str, int], levels: Mapping[str, str]) -> set[str]:
    """Find the column's values that a setting names: as it is written, as a number, or as the words of a level."""
    text = str(code).strip()
    if isinstance(code, bool):
        words = _IN_YAML[code]
        return {
            one
            for one in held
            if one.casefold() in words or levels.get(plain_code(one), "").casefold() in words
        }
    if text in held:
        return {text}
    known = find_column(column)
    if known is not None and not Description(levels=levels).follows(known):
        known = None  # the dataset's own words come first
    wanted = {plain_code(text)}
    if known is not None and canonical_number(text) is None:
        wanted |= {code for code in [read_value(known, text)] if code is not None}
    wanted |= {code for code, label in levels.items() if plain_words(label) == plain_words(text) != ""}
    same = {one for one in held if plain_code(one) in wanted}
    if known is not None and not same:
        same = {one for one in held if canonical_number(one) is None and read_value(known, one) in wanted}
    return same


def group_of_words(text: str) -> str:
    """Give the group that a word or a level's label stands for; empty where it stands for none."""
    words = plain_words(text)
    code = read_value(BY_NAME["dx"], text) if canonical_number(text) is None else None
    if code == "0" or _CONTROL.fullmatch(words):
        return BACKGROUND
    return TARGET if code is not None or _PATIENT.fullmatch(words) else ""


def _check_levels(
    column: str, codes: Mapping[str, str], levels: Mapping[str, str], settings: CohortConfig, origin: str
) -> None:
    """Refuse codes whose meaning, by the dataset's own words, is not that of their group."""
    default = CohortConfig()
    is_default = all(getattr(settings, name) == getattr(default, name) for name in ("target", "background"))
    for value, group in codes.items():
        label = levels.get(plain_code(value), "")
        meant = group_of_words(label)
        if plain_words(label) and (
            meant == {TARGET: BACKGROUND, BACKGROUND: TARGET}[group] or (is_default and not meant)
        ):
            meanings = ", ".join(f"{code} = {text}" for code, text in sorted(levels.items()))
            raise InputError(
                f"{column} ({origin}): the Levels of the dataset's JSON file are {meanings}, but the recipe takes "
                f"{value} for the {group} group. {_name_yours()}"
            )


def _check_values(
    column: str,
    codes: Mapping[str, str],
    held: Counter[str],
    settings: CohortConfig,
    phenotype: Phenotype,
    where: str,
) -> None:
    """Refuse settings none of whose codes anybody has."""
    for group, given in ((TARGET, settings.target), (BACKGROUND, settings.background)):
        if held and group not in codes.values():
            found = named([f"{value} ({count})" for value, count in sorted(held.items())])
            provenance = phenotype.provenance.get(column, Provenance())
            unread = Counter(claim.written for claim in provenance.unread)
            more = named([f"{value} ({count})" for value, count in sorted(unread.items())])
            reasons = Counter(reason for reason in phenotype.notes["reason"] if reason in OF_ROWS)
            rows = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
            raise InputError(
                f"{where}: nobody in the {group} group: column '{column}' holds {found}"
                f"{f', and not understood {more}' if unread else ''}; none of it is "
                f"cohort.{group}={', '.join(map(str, given)) or 'nothing'}"
                f"{f' (rows left out: {rows})' if rows else ''}. {_name_yours()}"
            )


def _name_yours() -> str:
    return "Name yours with --set 'cohort.target=[PATIENTS]' --set 'cohort.background=[CONTROLS]'."


def _no_group(table: pd.DataFrame, settings: CohortConfig, where: str) -> str:
    """Say which columns there are, and all that must be set to go on with another one."""
    found = named(list(map(str, table.columns[1:])))
    few = [
        f"{name} ({', '.join(sorted(map(str, set(table[name].dropna()))))})"
        for name in table.columns[1:]
        if 2 <= len(set(table[name].dropna())) <= min(MOST_GROUPS, len(table) / 2)
    ]
    settable = ["cohort.group=COLUMN", "'cohort.target=[PATIENTS]'", "'cohort.background=[CONTROLS]'"]
    if settings.site is not None and settings.site not in list(table.columns):
        settable += ["cohort.site=SITE", "analysis.permute_within=SITE (null in both where there was one)"]
    return (
        f"{where}: no column '{settings.group}' (found: {found}). Name the column and its values with --set "
        f"{' --set '.join(settable)}. Columns of few values: {'; '.join(few) or 'none'}."
    )
