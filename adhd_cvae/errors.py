"""The one exception that means: the data or the settings are wrong, and here is what to do."""


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
