"""BIDS-Apps filter files: which of several maps a user wants."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json

QUERIES = ("gm", "probseg", "graymatter")
ENTITIES: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("entities.yaml").read_text("utf-8"))
_NAMES = {other: entity for entity, others in ENTITIES.items() for other in (entity, *others)}


def read_filter(content: Any) -> dict[str, Any]:
    """Take the gray-matter query out of a BIDS-Apps filter.

    Parameters
    ----------
    content
        ``{"gm": {"session": "2", "desc": "modulated"}}``, as fMRIPrep's filter files are built; the query may
        be called ``gm`` or ``probseg``, and other programs' queries may stand beside it. A bare query works
        too. A value is what the entity must be, a list of such, ``null`` for one that must not be there,
        ``"*"`` for one that must.

    Returns
    -------
    dict
        pybids entity to value.

    Raises
    ------
    InputError
        The filter has no gray-matter query, or names an entity pybids does not know.
    """
    if not isinstance(content, Mapping):
        raise InputError('the BIDS filter is not an object; expected {"gm": {"session": "1"}}.')
    query: Any = content
    if content and all(isinstance(value, Mapping) for value in content.values()):
        named = [name for name in QUERIES if name in content]
        if not named:
            found = ", ".join(map(str, content))
            raise InputError(f"the BIDS filter has no query 'gm' (found: {found}). Add \"gm\": {{…}}.")
        query = content[named[0]]
    result: dict[str, Any] = {}
    for entity, value in query.items():
        name = _NAMES.get(str(entity))
        if name is None:
            near = difflib.get_close_matches(str(entity), ENTITIES, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(ENTITIES)}."
            raise InputError(f"the BIDS filter names an unknown entity '{entity}'.{hint}")
        result[name] = value
    return result


def matches(entities: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Tell whether a file's entities pass a query; ``01`` and ``1`` are the same session or run."""
    return all(_matches(entities.get(name), value) for name, value in query.items())


def _matches(found: Any, wanted: Any) -> bool:
    if wanted is None or wanted == "Query.NONE":
        return found is None
    if wanted in ("*", "Query.ANY"):
        return found is not None
    choices = wanted if isinstance(wanted, (list, tuple)) else [wanted]
    return found is not None and any(_plain(found) == _plain(choice) for choice in choices)


def _plain(value: Any) -> str:
    text = str(value).removeprefix("sub-").removeprefix("ses-").removeprefix("run-")
    return text.lstrip("0") or "0" if text.isdigit() else text


def read_filter_file(path: Path | None) -> dict[str, Any] | None:
    """Read a BIDS-Apps filter file.

    Raises
    ------
    InputError
        No such file, not a JSON object, or a filter that `read_filter` refuses.
    """
    if path is None:
        return None
    try:
        content = read_json(path)
    except FileNotFoundError:
        raise InputError(f"--bids-filter-file {path}: there is no such file.") from None
    except ValueError as error:
        raise InputError(f"--bids-filter-file {path} is not JSON ({error}).") from None
    try:
        read_filter(content)
    except InputError as error:
        raise InputError(*(f"--bids-filter-file {path}: {one}" for one in error.problems)) from None
    return content
