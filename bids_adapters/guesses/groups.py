"""Which column tells patients from controls, and which of its values are whose."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from adhd_cvae.names import BACKGROUND, TARGET
from bids_adapters.guesses.columns import Column
from bids_adapters.phenotype.codebook import plain_code, plain_words
from bids_adapters.phenotype.groups import group_of_words

_MOST = 8
"""Values that a column of groups may have."""
_BY_NAME = re.compile(
    r"(?:^|_)(?:dx\w*|diag\w*|groups?|grp|adhd|patients?|cases?|status|cohort|clinical|condition|disorder|arm)(?:_|$)"
)
_FOREMOST = re.compile(r"dx|diagnosis|groups?|dx_?group|diagnosis_group|group_?dx")
_OF_OTHERS = re.compile(
    r"second|comorb|histor|family|parent|mother|father|sibling|previous|past|med|drug|treat|age|measure|site|iq"
)
_VAGUE = frozenset({"yes", "no", "none", "affected", "unaffected", "0", "diagnosed"})
"""Words that mean a group only in a column that is called like one."""


@dataclass(frozen=True)
class GroupGuess:
    """The column of groups.

    Attributes
    ----------
    column
        Its name; empty where none can be told.
    target, background
        Values of patients, and of controls; empty where they cannot be told.
    neither
        Values of nobody's group.
    why
        What the guess rests on.
    others
        Columns that could be meant instead; where none can be told, those of few values.
    """

    column: str = ""
    target: tuple[str, ...] = ()
    background: tuple[str, ...] = ()
    neither: tuple[str, ...] = ()
    why: str = ""
    others: tuple[str, ...] = ()


def guess_group(columns: Mapping[str, Column]) -> GroupGuess:
    """Guess the column of groups: by words for patients and controls, by the code book, by its name and codes."""
    few = [one for one in columns.values() if 2 <= len(one.counts) <= min(_MOST, one.known / 2)]
    ranked = sorted(((-_rank(one), place) for place, one in enumerate(few) if _rank(one)))
    if not ranked:
        return GroupGuess(others=tuple(one.name for one in few))
    best, *others = (few[place] for _, place in ranked)
    target, background, why = _sides(best)
    neither = tuple(value for value in best.counts if value not in (*target, *background))
    return GroupGuess(best.name, target, background, neither, why, tuple(one.name for one in others))


def _rank(column: Column) -> int:
    """Tell how likely a column holds the groups; 0 for not at all."""
    is_named = _BY_NAME.search(column.name) is not None and not _OF_OTHERS.search(column.name)
    target, background, _ = _sides(column)
    plain = [plain_words(column.levels.get(plain_code(value), value)) for value in (*target, *background)]
    is_plain = bool(target and background and not column.is_number) or bool(
        column.levels and target and background
    )
    if (
        is_plain
        and (is_named or any(words not in _VAGUE for words in plain))
        and not _OF_OTHERS.search(column.name)
    ):
        return 4 + 2 * is_named + bool(_FOREMOST.fullmatch(column.name))
    if not is_named:
        return 0
    return 1 + bool(target and background) + bool(_FOREMOST.fullmatch(column.name))


def _sides(column: Column) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Deal a column's values to the two groups, and say by what."""
    values = sorted(column.counts)
    meant = {value: _meaning(column, value) for value in values}
    target, background = (
        tuple(value for value in values if meant[value] == group) for group in (TARGET, BACKGROUND)
    )
    rest = tuple(value for value in values if not meant[value])
    by = "the meaning of its codes" if column.levels else "its words"
    if target and background:
        return target, background, f"{by} for patients and for controls"
    if background and rest:
        return rest, background, f"{by} for controls; the others are taken for patients"
    if target and len(rest) == 1:
        return target, rest, f"{by} for patients; the other is taken for controls"
    if column.is_whole and not column.levels and "0" in values:
        others = tuple(value for value in values if value != "0" and float(value) > 0)
        return (
            others,
            ("0",),
            "a convention alone, 0 for controls; nothing says what its codes mean: check it",
        )
    return (), (), ""


def _meaning(column: Column, value: str) -> str:
    label = column.levels.get(plain_code(value), "" if column.is_number else value)
    return group_of_words(label) if label else ""
