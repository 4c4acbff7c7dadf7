"""The JSON file beside a table: what the dataset says its columns and codes mean, which comes before any code book."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adhd_cvae.errors import InputError
from adhd_cvae.io import how_to_fetch, read_json, read_object
from bids_adapters.phenotype.codebook import BY_NAME, Column, is_missing, plain_code, plain_words, read_value
from bids_adapters.phenotype.text_table import snake_case

_NOTHING = re.compile(
    r"(?:data |value |values )?(?:is |are )?(?:missing|unknown|pending|withheld|refused|declined|skipped|dont know"
    r"|n a|na|nan|no (?:data|answer|response|information|value)|(?:not|never|un)\s?"
    r"(?:available|applicable|known|collected|assessed|measured|done|reported|administered|recorded|answered|obtained"
    r"|acquired|tested|completed|specified))(?: (?:data|values?|codes?|response))?"
)
_IN_WORDS = re.compile(
    r"(?<![\w.])(?P<code>[-\u2212]?\d+(?:\.0+)?)['\"]?"
    r"\s*(?:=|:|means|is|are|indicates?|denotes?|stands? for|for|if|when|where)+\s*"
    r"['\"]?(?:a |an )?(?:missing|unknown|n/?a\b|not (?:available|applicable|known|collected|assessed|measured))"
    r"|(?:missing|unknown|n/?a|not (?:available|applicable|known|collected|assessed|measured))"
    r"(?: (?:data|values?|codes?|cases?))?\s*(?:=|:|is|are|as|coded|marked|by|with|\()+[^\d.;\u2212-]{0,20}"
    r"(?P<other>[-\u2212]\d+|7+|8+|9+)(?![\w.]*\d)",
    re.IGNORECASE,
)
_PAIR = re.compile(r"(?<![\w.])(-?\d{1,4})\s*(?:=|:)\s*([A-Za-z][^,;.()\d=:]{0,60})")
"""A code and its meaning in a description, where a sidecar has no Levels."""
_NAMED = 3
"""Levels that are numbered and named as in ADHD-200 before a table is taken for it: two may be by chance."""


@dataclass(frozen=True)
class Description:
    """What a sidecar says about one column.

    Attributes
    ----------
    entry
        As it is in the file.
    levels
        Each code, as `plain_code` writes it, and its meaning.
    missing
        Codes of missing values, written likewise.
    """

    entry: Mapping[str, Any] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()

    def follows(self, column: Column) -> bool:
        """Tell whether every level means what it does in the code book."""
        return all(read_value(column, text) == code for code, text in self.levels.items())


class Sidecar(dict[str, Description]):
    """A table's columns, by header in snake_case, as its JSON file describes them; `problem`: why it does not."""

    problem = ""

    def of(self, header: str) -> Description:
        """Give what is said about a column; nothing where it is not described."""
        return self.get(snake_case(header), Description())

    @property
    def is_of_adhd200(self) -> bool:
        """Tell whether sites or diagnoses are numbered and named as in ADHD-200's code book."""
        return any(
            description.follows(BY_NAME[name]) and len(description.levels) >= _NAMED
            for name in ("site", "dx")
            for header, description in self.items()
            if header in (name, *BY_NAME[name].aliases)
        )


def read_sidecar(table: Path) -> Sidecar:
    """Read the JSON file beside a table; nothing where there is none, or none that can be read.

    Raises
    ------
    InputError
        It is there and not fetched: nobody knows what the codes mean.
    """
    path = table.with_suffix(".json")
    if how := how_to_fetch(path):
        raise InputError(f"{path}: {how}. It says what the codes of {table.name} mean.")
    described = {snake_case(header): entry for header, entry in read_object(path).items()}
    found = Sidecar(
        {name: _description(entry) for name, entry in described.items() if isinstance(entry, dict)}
    )
    if not described and path.exists() and not _is_object(path):
        found.problem = f"{path.name}: expected a JSON object."
    return found


def _is_object(path: Path) -> bool:
    try:
        return isinstance(read_json(path), dict)
    except (OSError, ValueError):
        return False


def _description(entry: Mapping[str, Any]) -> Description:
    given = {snake_case(str(name)): content for name, content in entry.items()}
    words = str(given.get("description", ""))[:4096]
    texts = _texts(given.get("levels"))
    if not texts and len(pairs := _PAIR.findall(words)) > 1:
        texts = {code: text.strip() for code, text in pairs}
    levels = {plain_code(code): text for code, text in texts.items()}
    missing = {
        code for code, text in levels.items() if _NOTHING.fullmatch(plain_words(text)) or is_missing(text)
    }
    for name, content in given.items():
        if "missing" in name or name in ("na_values", "fill_value"):
            several = content if isinstance(content, (list, dict)) else [content]
            missing |= {plain_code(str(code)) for code in several}
    missing |= {plain_code(found["code"] or found["other"]) for found in _IN_WORDS.finditer(words)}
    kept = {name: content for name, content in entry.items() if snake_case(str(name)) != "levels"}
    return Description(
        {**kept, **({"Levels": texts} if texts else {})},
        {code: text for code, text in levels.items() if code not in missing},
        frozenset(missing),
    )


def _texts(levels: Any) -> dict[str, str]:
    """Give each code its meaning, which is a text or an object with a Description."""
    if not isinstance(levels, dict):
        return {}
    texts = {
        str(code): str(text.get("Description", "") if isinstance(text, dict) else text)
        for code, text in levels.items()
    }
    numbers = [plain_code(text).lstrip("-").isdigit() for text in texts.values()]
    is_turned = texts and all(numbers) and not any(plain_code(code).lstrip("-").isdigit() for code in texts)
    return {text: code for code, text in texts.items()} if is_turned else texts
