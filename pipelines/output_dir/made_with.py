"""With which settings the results were made, and whether they were made from each other."""

from collections import defaultdict
from collections.abc import Mapping

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from pipelines.output_dir.provenance import Provenance, brief
from pipelines.recipes.loader import flatten, validated, with_value

_READ_BY: Mapping[str, tuple[str, ...]] = defaultdict(
    tuple, embed=(".safetensors",), analyse=(".tsv", ".npz")
)
"""Endings of the files that a stage's results have to have been made from to be published."""


def made_with(provenance: Provenance, recipe: Recipe) -> Recipe:
    """The recipe, with every setting that a stage was done with.

    Raises
    ------
    InputError
        Stages were done with different settings, or from another file than the one that is there.
    """
    done = {name: one for name, one in provenance.stages.items() if one["state"] == "done"}
    plain = recipe.model_dump(mode="json")
    known, found, problems = flatten(plain).keys(), {}, []
    for name, stage in done.items():
        again = f"Run `adhd-cvae {name} {provenance.paths.folder}` again"
        for key in sorted(stage["settings"].keys() & known):
            first, value = found.setdefault(key, (name, stage["settings"][key]))
            if value != stage["settings"][key]:
                two = f"{first} was done with {key} = {brief(value)}, {name} with {brief(stage['settings'][key])}"
                problems.append(f"{two}. {again}, or {first}, with the one that is meant.")
        problems += [
            f"{name} was done with another {file} than is there. {again}."
            for file, checksum in stage["inputs"].items()
            if file.endswith(_READ_BY[name])
            and provenance.checksums(provenance.paths.folder / file) != {file: checksum}
        ]
    if problems:
        raise InputError(*problems)
    for key, (_, value) in found.items():
        plain = with_value(plain, key.split("."), value)
    return validated(plain, f"{provenance.paths.provenance}")
