"""Recipes: YAML and ``--set`` in, one validated :class:`adhd_cvae.config.Recipe` out."""

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml.composer import ComposerError

from adhd_cvae.config import SET_BY_NAME, Recipe
from adhd_cvae.errors import InputError
from pipelines.recipes.renamed import GONE, RENAMED

DEFAULT = "adhd200"
_LARGEST_RECIPE = 2**16
"""Bytes; a shipped one has a few thousand."""
_LONGEST_SHOWN = 200
_SHIPPED = Path(__file__).parent


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(file.stem for file in _SHIPPED.glob("*.yaml"))


def load_recipe(name_or_file: str = DEFAULT, overrides: tuple[str, ...] = ()) -> Recipe:
    """Resolve a shipped recipe's name or a YAML file, then the overrides.

    Parameters
    ----------
    name_or_file
        ``demo``, or a path; a file may start from another recipe with ``base: NAME``.
    overrides
        ``key=value`` each, the key dotted, the value YAML: ``model.salient=4``.

    Raises
    ------
    InputError
        One line per unknown recipe, unreadable file, unknown key or unfit value.
    """
    settings = _read(name_or_file, seen=())
    settings.setdefault("name", Path(name_or_file).stem)
    return validated(apply_overrides(settings, overrides), f"recipe {name_or_file}")


def validated(settings: dict[str, Any], origin: str) -> Recipe:
    """Make a recipe of plain settings; each misfit is one line that starts with `origin`."""
    try:
        return Recipe.model_validate(settings)
    except ValidationError as error:
        raise InputError(*(_explain(detail, origin) for detail in error.errors())) from error


def apply_overrides(settings: dict[str, Any], overrides: tuple[str, ...]) -> dict[str, Any]:
    """Return a copy of `settings` in which each ``key=value`` has replaced what was there.

    ``objective.name`` also replaces the weights of the objective before it, but none that an override names.
    """
    problems = []
    if any(override.partition("=")[0].strip() == "objective.name" for override in overrides):
        settings = _without_weights(settings)
    for override in overrides:
        key, equals, text = override.partition("=")
        key = key.strip()
        if not equals or not key:
            problems.append(f"--set {override!r} is not key=value. Example: --set model.salient=4")
            continue
        if not _is_known(key):
            problems.append(f"--set {key}: no such setting. {_meant(key, known_keys())}")
            continue
        try:
            value = yaml.load(text, Loader=_PlainLoader)  # noqa: S506, a safe loader
        except (yaml.YAMLError, ValueError, RecursionError):
            problems.append(f"--set {key}: {text!r} is not a YAML value. Quote lists: --set '{key}=[1, 2]'")
            continue
        settings = with_value(settings, key.split("."), value)
    if problems:
        raise InputError(*problems)
    return settings


def known_keys(model: type[BaseModel] = Recipe, prefix: str = "") -> list[str]:
    """List every dotted key of a recipe."""
    keys = []
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            keys.extend(known_keys(section, f"{prefix}{name}."))
        else:
            keys.append(f"{prefix}{name}")
    return keys


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested sections into dotted keys; lists and batteries stay values."""
    sections = _sections()
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if f"{prefix}{key}" in sections and isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _sections() -> set[str]:
    """Dotted names of everything that holds settings itself."""
    return {
        ".".join(parts[:depth])
        for parts in (key.split(".") for key in known_keys())
        for depth in range(1, len(parts))
    }


def _read(name_or_file: str, seen: tuple[str, ...]) -> dict[str, Any]:
    """Read a recipe and, first, the recipe it is based on."""
    if name_or_file in seen:
        raise InputError(f"recipe {seen[0]}: 'base' goes in a circle ({' → '.join((*seen, name_or_file))}).")
    settings = _parse(_text(name_or_file), name_or_file)
    base = settings.pop("base", None)
    if base is None:
        return settings
    base_name = str(base)
    if base_name not in shipped_recipes():
        base_name = str(Path(name_or_file).parent / base_name)
    return _merged(_read(base_name, (*seen, name_or_file)), settings)


def _text(name_or_file: str) -> str:
    if name_or_file in shipped_recipes():
        return (_SHIPPED / f"{name_or_file}.yaml").read_text(encoding="utf-8")
    path = Path(name_or_file)
    if path.is_file():
        if path.stat().st_size > _LARGEST_RECIPE:
            raise InputError(
                f"recipe {path} is larger than {_LARGEST_RECIPE >> 10} KiB; expected a page of YAML."
            )
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"recipe {path} is not a text file in UTF-8 (byte {error.start}).") from error
    shipped = ", ".join(shipped_recipes())
    close = difflib.get_close_matches(name_or_file, shipped_recipes(), n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    raise InputError(
        f"no recipe '{name_or_file}': neither a file nor one of the shipped ones ({shipped}).{hint}"
    )


def _parse(text: str, origin: str) -> dict[str, Any]:
    """Parse YAML with plain values only: tags that would make Python objects are refused."""
    try:
        settings = yaml.load(text, Loader=_PlainLoader)  # noqa: S506, a safe loader
    except RecursionError:
        raise InputError(f"recipe {origin} is not plain YAML: it is nested too deeply.") from None
    except (yaml.YAMLError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        line = f" at line {place.line + 1}" if place is not None else ""
        raise InputError(
            f"recipe {origin} is not plain YAML{line}: {getattr(error, 'problem', None) or error}."
        ) from error
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise InputError(
            f"recipe {origin} holds a {type(settings).__name__}; expected 'key: value' lines such as "
            f"'model:' with '  salient: 2' below it."
        )
    return {str(key): value for key, value in settings.items()}


class _PlainLoader(yaml.SafeLoader):
    """YAML's plain values, without aliases: nine lines of them can stand for a thousand million values."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise ComposerError(problem="write the value out instead of *alias", problem_mark=mark)
        return super().compose_node(parent, index)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Lay `changes` over `base`, section by section; lists and batteries replace, and so does an objective's name."""
    objective = changes.get("objective")
    renamed = isinstance(objective, dict) and "name" in objective
    return _laid_over(_without_weights(base) if renamed else base, changes)


def _laid_over(base: dict[str, Any], changes: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    merged, sections = dict(base), _sections()
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        inner = both and f"{prefix}{key}" in sections
        merged[key] = _laid_over(merged[key], value, f"{prefix}{key}.") if inner else value
    return merged


def _without_weights(settings: dict[str, Any]) -> dict[str, Any]:
    """Forget what an objective's name decides, so that another name can."""
    objective = settings.get("objective")
    if not isinstance(objective, dict):
        return settings
    return {
        **settings,
        "objective": {key: value for key, value in objective.items() if key not in SET_BY_NAME},
    }


def with_value(settings: dict[str, Any], keys: list[str], value: Any) -> dict[str, Any]:
    """Return a copy of nested settings in which one has another value."""
    head, *rest = keys
    if not rest:
        return {**settings, head: value}
    section = settings.get(head)
    return {**settings, head: with_value(section if isinstance(section, dict) else {}, rest, value)}


def _is_known(key: str) -> bool:
    return key in known_keys() or key in _sections() or key.startswith("analysis.batteries.")


def _meant(key: str, known: list[str]) -> str:
    """Name what `key` is called now, or the known key most like it: by its last word where that is close."""
    if key in RENAMED:
        return f"It is called '{RENAMED[key]}' now."
    if key in GONE:
        return GONE[key]
    by_leaf = {name.rsplit(".", 1)[-1]: name for name in known}
    leaf = difflib.get_close_matches(key.rsplit(".", 1)[-1], list(by_leaf), n=1, cutoff=0.6)
    if leaf:
        return f"Did you mean '{by_leaf[leaf[0]]}'?"
    return f"The nearest known one is '{difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]}'."


def _explain(detail: ErrorDetails, origin: str) -> str:
    """Say in one line what pydantic found, what it expected and where."""
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{origin}: no setting '{key}'. {_meant(key, _siblings(key))}"
    expected = detail["msg"].replace("Input should be", "expected", 1).removeprefix("Value error, ")
    found = f"{key} is {_brief(detail['input'])}; " if key else ""  # settings that do not fit: all are input
    return f"{origin}: {found}{expected[0].lower()}{expected[1:]}."


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _siblings(key: str) -> list[str]:
    """Name what is known beside `key`, or everything where its section is unknown too."""
    section = key.rsplit(".", 1)[0] + "." if "." in key else ""
    if not section:
        return sorted({known.split(".")[0] for known in known_keys()})
    return [known for known in known_keys() if known.startswith(section)] or known_keys()
