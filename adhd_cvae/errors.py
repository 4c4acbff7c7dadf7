"""The one exception that means: the data or the settings are wrong, and here is what to do."""

from collections.abc import Sequence
from textwrap import shorten


def named(names: Sequence[str], most: int = 30) -> str:
    """Name what was found; a table may have thousands of columns, and a header any length."""
    first = ", ".join(shorten(name, 60, placeholder="…") or "(no name)" for name in names[:most])
    return first if len(names) <= most else f"{first} and {len(names) - most} more"


class InputError(ValueError):
    """One readable line per problem; the command line prints them and exits with status 1.

    Parameters
    ----------
    *problems
        Each says what was found, what was expected, and what to do.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ImageError(InputError):
    """One map that cannot be used; the cohort goes on without it.

    Parameters
    ----------
    reason
        Short stable code, written to ``exclusions.tsv``.
    detail
        What was found and what was expected.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
