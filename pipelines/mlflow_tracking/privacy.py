"""What of settings and records may leave the lab: nothing that names a participant, a table or a place."""

from collections.abc import Collection
from copy import deepcopy
from pathlib import Path
from typing import Any

from adhd_cvae.io import fingerprint
from pipelines.mlflow_tracking.reference_model import shown_name
from pipelines.output_dir.results import Results

_AS_CHECKSUM = ("--bids-filter-file", "--prefer", "--phenotype")
"""Settings of `prepare` that are, or name, somebody's files."""
_SHOWN = 12
"""Digits of a checksum that tell two files apart."""


def public_settings(settings: dict[str, Any], results: Results) -> dict[str, Any]:
    """Copy the settings of a recipe: of atlas and borrowed background their names, of identifiers their number."""
    kept = deepcopy(settings)
    if atlas := kept.get("analysis", {}).get("atlas"):
        kept["analysis"]["atlas"] = Path(atlas).name
    if sources := kept.get("cohort", {}).get("background_from"):
        kept["cohort"]["background_from"] = [shown_name(one) for one in sources]
    return _counted(kept, _identifiers(results))


def public_checklist(results: Results) -> dict[str, Any]:
    """Copy run.json without where the data lie, even relative, which participants were asked for, and by which file."""
    kept = {key: value for key, value in deepcopy(results.run).items() if key != "bids_dir"}
    kept["recipe"] = public_settings(kept.get("recipe", {}), results)
    kept["inputs"] = _numbered(kept.get("inputs", {}))
    stages = kept.get("stages", {})
    analysed, prepared = (stages.get(name, {}).get("settings", {}) for name in ("analyse", "prepare"))
    if atlas := analysed.get("analysis.atlas"):
        analysed["analysis.atlas"] = Path(atlas).name
    prepared.pop("BIDS_DIR", None)
    prepared.pop("--participant-label", None)
    for name in _AS_CHECKSUM:
        if prepared.get(name) is not None:
            prepared[name] = fingerprint(prepared[name])[:_SHOWN]
    if "prepare" in stages:
        stages["prepare"]["inputs"] = _numbered(stages["prepare"].get("inputs", {}), outside=True)
    return _counted(kept, _identifiers(results))


def _numbered(checksums: dict[str, str], *, outside: bool = False) -> dict[str, str]:
    """Number tables instead of naming them; with `outside` only those that lie out of BIDS_DIR."""
    named = {name: sum_ for name, sum_ in checksums.items() if outside and not name.startswith("..")}
    tables = [sum_ for name, sum_ in checksums.items() if name not in named]
    return {**named, **{f"table {number}": sum_ for number, sum_ in enumerate(tables, start=1)}}


def _identifiers(results: Results) -> frozenset[str]:
    """How a participant can be called, with and without ``sub-``."""
    names = [] if results.cohort is None else results.cohort["participant_id"].astype(str)
    return frozenset(form for name in names for form in (name, name.removeprefix("sub-")))


def _counted(value: Any, identifiers: Collection[str]) -> Any:
    """Replace texts that are an identifier by how many they were."""
    if isinstance(value, dict):
        return {key: _counted(one, identifiers) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        found = [one for one in value if isinstance(one, str) and one in identifiers]
        rest = [_counted(one, identifiers) for one in value if one not in found]
        return [*rest, f"{len(found)} participants"] if found else rest
    return "1 participant" if isinstance(value, str) and value in identifiers else value
