"""Settings that an earlier version called otherwise, or had: the one place that knows them."""

from types import MappingProxyType
from typing import Any

from adhd_cvae.config.identity import RENAMED_TERMS

RENAMED = MappingProxyType({f"objective.{old}": f"objective.{new}" for old, new in RENAMED_TERMS.items()})
"""Dotted name before to the one of today, in the same section. In a recipe or after ``--set`` an old name is refused
with the new one; what an earlier version itself wrote is read as if it had the new names."""
GONE = MappingProxyType(
    {"cohort.test_fraction": "Everybody is held out once now: 'cohort.folds' says in how many parts."}
)
"""Dotted name of a setting that is no more to what does its work. It is refused likewise; in the recipe that an earlier
version wrote into run.json it counts no more, while in the settings of a stage it stays, since other results came of
it."""


def translated(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Give the settings of a run.json, nested in sections or by dotted names, the names of today."""
    named = {}
    for key, value in settings.items():
        dotted = f"{prefix}{key}"
        nested = value if not isinstance(value, dict) else translated(value, f"{dotted}.")
        named[RENAMED.get(dotted, dotted).removeprefix(prefix)] = nested
    return named


def recipe_of_today(recipe: dict[str, Any]) -> dict[str, Any]:
    """Translate the recipe of a run.json, and leave out what is no setting any more."""
    return {
        section: {key: value for key, value in part.items() if f"{section}.{key}" not in GONE}
        if isinstance(part, dict)
        else part
        for section, part in translated(recipe).items()
    }
