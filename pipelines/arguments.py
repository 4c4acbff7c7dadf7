"""What the command line understands and says, apart from its options."""

from enum import StrEnum

from adhd_cvae.errors import InputError


class Level(StrEnum):
    """The two levels of a BIDS App."""

    participant = "participant"
    group = "group"


def problems(error: InputError | MemoryError | OSError) -> tuple[str, ...]:
    """One line per problem; a full disk or a forbidden folder is named with its path."""
    if isinstance(error, InputError):
        return error.problems
    if isinstance(error, MemoryError):
        return (f"the memory of this machine is full ({error or 'no more is given'}).",)
    where = f"{error.filename}: " if error.filename else ""
    return (f"{where}{error.strerror or error}",)


def spread_labels(arguments: list[str]) -> list[str]:
    """Repeat ``--participant-label`` before each label: BIDS Apps take several after one option."""
    spread, in_labels = [], False
    for argument in arguments:
        if argument.startswith("-"):
            in_labels = argument == "--participant-label"
            if not in_labels:
                spread.append(argument)
        else:
            spread.extend(["--participant-label", argument] if in_labels else [argument])
    return spread
