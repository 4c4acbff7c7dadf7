"""In which settings recipes differ: from the shipped one they come from, and from each other."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pipelines.recipes.loader import flatten, known_keys, load_recipe, shipped_recipes

NAME, SEED = "name", "seed"
COMPARED = (
    *(NAME, SEED),
    *(f"cohort.{key}" for key in ("site", "folds", "covariates", "residualise", "harmonise", "background_from")),
    *(f"image.{key}" for key in ("shape", "voxel_size", "centre", "fwhm", "mask_threshold", "standardise")),
    *(f"model.{key}" for key in ("salient", "background", "trunk", "patch", "patch_features", "hidden", "start")),
    *("model.noise", "model.output", "model.condition_on_site", "augmentation.enabled"),
    *(f"objective.{key}" for key in ("name", "beta", "total_correlation", "salient_of_background")),
    *(f"training.{key}" for key in ("epochs", "linear_epochs", "batch_size", "learning_rate", "fold_models")),
    *(f"analysis.{key}" for key in ("permutations", "refits", "permute_within")),
)  # fmt: skip
"""Settings by which one compares runs; the others are in the resolved recipe."""
GRID = tuple(key for key in COMPARED if key.startswith("image."))
"""Settings whose numbers compare only where they are the same."""
_OF_THE_DATA = (
    *(f"cohort.{key}" for key in ("group", "target", "background", "site")),
    *(f"analysis.{key}" for key in ("variables", "batteries", "claims", "atlas", "permute_within")),
)
"""Settings that say what a dataset has: a recipe of somebody's own has others than the shipped one it comes from."""
_LONGEST_VALUE = 24


def changes(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings, by dotted key, that differ from the shipped recipe they come from, but for name and seed.

    Parameters
    ----------
    settings
        A resolved recipe. One of another name comes from the shipped one that it differs least from.
    """
    flat = flatten(settings)
    if flat.get(NAME) in shipped_recipes():
        return _changed(flat, flat[NAME])
    chosen = {key: value for key, value in flat.items() if key not in _OF_THE_DATA}
    return min((_changed(chosen, name) for name in shipped_recipes()), key=len)


def compared(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings, by dotted key, that one would compare: `COMPARED`, and whatever was changed."""
    flat, changed = flatten(settings), changes(settings)
    return {key: value for key, value in flat.items() if key in COMPARED or key in changed}


def differing(all_settings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Flat settings that are not the same in all, each with its values; n/a where one lacks it."""
    keys = dict.fromkeys(key for settings in all_settings for key in settings)
    values = {key: [settings.get(key, "n/a") for settings in all_settings] for key in keys}
    return {key: found for key, found in values.items() if any(one != found[0] for one in found)}


def short(key: str, value: Any, longest: int = 80) -> str:
    """``key=value`` for a name: the fewest last words of the key that no other setting has, and a short value.

    Of a name with more than `longest` characters only the first ones are kept.
    """
    words = key.split(".")
    ends = (".".join(words[-count:]) for count in range(1, len(words)))
    name = next((end for end in ends if sum(_ends(other, end) for other in known_keys()) == 1), key)
    text = (
        f"{value:g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
    )
    name = name if len(name) <= longest else f"{name[: longest - 2]}…"
    return f"{name}={text if len(text) <= _LONGEST_VALUE else f'{text[:_LONGEST_VALUE]}…'}"


def _ends(key: str, end: str) -> bool:
    return f".{key}".endswith(f".{end}")


def _changed(flat: dict[str, Any], name: str) -> dict[str, Any]:
    before = _shipped(name)
    return {
        key: value
        for key, value in flat.items()
        if key not in (NAME, SEED) and not (key in before and before[key] == value)
    }


@cache
def _shipped(name: str) -> dict[str, Any]:
    return flatten(load_recipe(name).model_dump(mode="json"))
