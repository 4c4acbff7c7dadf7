"""One participant, one identifier: ``10001``, ``0010001``, ``10001_`` and ``sub-0010001`` are the same."""

import re

BURNER_NAME = re.compile(r"mwrc1\D*(?P<digits>\d{7})_?(?:\.nii(?:\.gz)?)?", re.IGNORECASE | re.ASCII)
_PREFIXED = re.compile(r"sub-(?P<label>[0-9A-Za-z+]+)(?:_.*)?", re.IGNORECASE | re.ASCII | re.DOTALL)
_FLOAT = re.compile(r"(?P<digits>\d+)\.0*", re.ASCII)
_NOT_LABEL = re.compile(r"[^0-9A-Za-z+]+", re.ASCII)
ADHD200_DIGITS = 7


def participant_label(text: str) -> str | None:
    """Turn any spelling of an identifier into a BIDS label, without ``sub-``.

    A label after ``sub-`` is kept as it is. Bare digits are padded to the seven of ADHD-200. A Burner file
    name gives exactly its last seven digits, for ``mwrc10010001`` is ``mwrc1`` + ``0010001``.

    Returns
    -------
    str or None
        None where nothing of the text can be a label.
    """
    text = text.strip()
    if prefixed := _PREFIXED.fullmatch(text):
        return prefixed["label"]
    if burner := BURNER_NAME.fullmatch(text):
        return burner["digits"]
    if number := _FLOAT.fullmatch(text):
        text = number["digits"]
    label = _NOT_LABEL.sub("", text)
    return (label.zfill(ADHD200_DIGITS) if label.isdigit() else label) or None


def find_key(text: str) -> str | None:
    """Give what any two spellings of an identifier share; None where nothing of the text can be a label."""
    label = participant_label(text)
    return None if label is None else participant_key(label)


def participant_key(label: str) -> str:
    """Give what two spellings of a label share: digits without leading zeros; other labels unchanged."""
    return (label.lstrip("0") or "0") if label.isdigit() else label
