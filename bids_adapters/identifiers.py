"""One participant, one identifier: ``10001``, ``0010001``, ``10001_`` and ``sub-0010001`` are the same.

Spellings meet only where that is unambiguous: ``1-12`` and ``11-2`` both lose their hyphen and are two participants.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

BURNER_NAME = re.compile(r"mwrc1\D*(?P<digits>\d{7})_?(?:\.nii(?:\.gz)?)?", re.IGNORECASE | re.ASCII)
_BIDS_NAME = re.compile(
    r"sub-(?P<label>[0-9A-Za-z+]+)(?:_ses-(?P<session>[0-9A-Za-z+]+))?"
    r"(?P<entities>(?:_[a-z]+-[0-9A-Za-z+]+)*(?:_[0-9A-Za-z]+\.\S+|_T[12]w|_probseg)?)(?P<rest>(?:_.*)?)",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_PREFIX = re.compile(r"sub[-_ ]+", re.IGNORECASE)
_FLOAT = re.compile(r"(?P<digits>\d+)\.0*", re.ASCII)
_NOT_LABEL = re.compile(r"[^0-9A-Za-z+]+", re.ASCII)
ADHD200_DIGITS = 7


class Identifier(NamedTuple):
    """A participant, as one cell or name writes it.

    Attributes
    ----------
    label
        BIDS label, without ``sub-``; bare digits are padded to the seven of ADHD-200.
    parts
        What separators divide it into, numbers without leading zeros: ``1-12`` is ``1`` and ``12``.
    spelling
        As it is written, less ``sub-`` and what stands around it.
    session
        Label of the session that the text names as well, as file names do; else empty.
    """

    label: str
    parts: tuple[str, ...]
    spelling: str
    session: str = ""

    @property
    def key(self) -> str:
        """What the spellings of a participant share."""
        return participant_key(self.label)


def read_identifier(text: str) -> Identifier | None:
    """Read any spelling of an identifier.

    A label after ``sub-`` is kept as it is. A Burner file name gives exactly its last seven digits, for
    ``mwrc10010001`` is ``mwrc1`` + ``0010001``.

    Returns
    -------
    Identifier or None
        None where nothing of the text can be a label.
    """
    text = text.strip(" \t\r\n'\"")
    if named := _BIDS_NAME.fullmatch(text):
        label = named["label"]
        return Identifier(label, _parts(label + named["rest"]), label + named["rest"], named["session"] or "")
    if burner := BURNER_NAME.fullmatch(text):
        text = burner["digits"]
    elif number := _FLOAT.fullmatch(text):
        text = number["digits"]
    text = _PREFIX.sub("", text, count=1) if _PREFIX.match(text) else text
    label = _NOT_LABEL.sub("", text)
    if not label:
        return None
    parts = _parts(text)
    spelling = "-".join(part for part in _NOT_LABEL.split(text) if part)
    return Identifier(label.zfill(ADHD200_DIGITS) if label.isdigit() else label, parts, spelling)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(participant_key(part) for part in _NOT_LABEL.split(text) if part)


def participant_label(text: str) -> str | None:
    """Turn any spelling of an identifier into a BIDS label, without ``sub-``; None where none can be made."""
    read = read_identifier(text)
    return None if read is None else read.label


def find_key(text: str) -> str | None:
    """Give what any two spellings of an identifier share; None where nothing of the text can be a label."""
    read = read_identifier(text)
    return None if read is None else read.key


def participant_key(label: str) -> str:
    """Give what two spellings of a label share: digits without leading zeros; other labels unchanged."""
    return (label.lstrip("0") or "0") if label.isdigit() else label


def find_ambiguous(tables: Mapping[str, Iterable[Identifier]]) -> dict[str, str]:
    """Find the keys that two participants may share: they meet nobody, and here is why.

    Two spellings in one table are two participants, until somebody says otherwise; so are those of two tables that
    separators divide differently.

    Parameters
    ----------
    tables
        What each table calls its participants, by the table's name.
    """
    spellings: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    divided: dict[str, dict[tuple[str, ...], str]] = defaultdict(dict)
    for table, identifiers in tables.items():
        for one in set(identifiers):
            spellings[one.key][table].add(one.spelling)
            if len(one.parts) > 1:
                divided[one.key].setdefault(one.parts, f"{one.spelling} ({table})")
    found = {}
    for key, by_table in spellings.items():
        for table, mine in by_table.items():
            if len(mine) > 1:
                found[key] = f"{table}: {' and '.join(sorted(mine))} cannot be told apart from one label"
        if key not in found and len(divided[key]) > 1:
            found[key] = f"{' and '.join(sorted(divided[key].values()))} cannot be told apart from one label"
    return found
