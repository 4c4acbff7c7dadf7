"""The reproducibility checklist, from run.json, without a place or a participant."""

import re
from typing import Any

from pipelines.output_dir.results import Results
from pipelines.recipes.loader import flatten
from pipelines.report.formatting import ReportTable

_SHOWN = ("device", "device_name", "threads", "precision", "torch_threads", "deterministic")
"""Facts of run.json that may be shown: never a host, a user or a path."""
_ABSOLUTE_PATH = re.compile(r"(?:file://)?(?:[A-Za-z]:)?[\\/](?:[^\s\\/'\",;]+[\\/])+")


def public(value: Any) -> str:
    """A value as text, with the folders of any absolute path taken away."""
    return _ABSOLUTE_PATH.sub("…/", str(value))


def tables(results: Results) -> list[ReportTable]:
    """Tables of run facts, software, recipe and checksums."""
    run = results.run
    if not run:
        return []
    facts = [["recipe", public(results.setting("name", "n/a"))], ["seed", public(run.get("seed", "n/a"))]]
    facts += [[key.replace("_", " "), public(run[key])] for key in _SHOWN if key in run]
    facts += [
        [f"stage {name}", public(stage.get("state", "n/a"))] for name, stage in run.get("stages", {}).items()
    ]
    software = [[name, public(version)] for name, version in run.get("software", {}).items()]
    found = {
        ("The run", "fact", "value"): facts,
        ("Software", "package", "version"): software,
        ("The resolved recipe", "setting", "value"): _recipe_rows(results),
        ("Checksums (SHA-256) of what went in and came out", "file", "checksum"): _checksums(run),
    }
    return [
        ReportTable(caption, tuple(columns), {"": rows}, title=caption)
        for (caption, *columns), rows in found.items()
        if rows
    ]


def _recipe_rows(results: Results) -> list[list[str]]:
    rows = []
    for key, value in flatten(results.recipe).items():
        if key == "analysis.variables":
            value = ", ".join(f"{item['name']} ({item['scale']})" for item in value)
        elif key == "analysis.claims":
            value = ", ".join(f"{item['space']}: {item['name'] or 'one cluster'}" for item in value)
        elif isinstance(value, dict):
            value = "; ".join(f"{name}: {', '.join(columns)}" for name, columns in value.items())
        elif isinstance(value, list):
            value = ", ".join(map(str, value))
        rows.append([key, public("none" if value is None else value)])
    return rows


def _checksums(run: dict[str, Any]) -> list[list[str]]:
    """Tables and weights by name; participants' images are only counted."""
    named: dict[str, str] = {}
    images = set()
    for stage in run.get("stages", {}).values():
        sealed = {name: seal[1] for name, seal in stage.get("outputs", {}).items() if len(seal) == 2}
        for name, checksum in {**stage.get("inputs", {}), **sealed}.items():
            if "sub-" in name or name.endswith((".nii", ".nii.gz")):
                images.add(name)
            elif name.startswith(".."):
                named[f"table outside of BIDS_DIR, {str(checksum)[:6]}…"] = str(checksum)
            elif not name.startswith(("figures/", "report")):
                named[public(name)] = str(checksum)
    rows = [[name, checksum] for name, checksum in sorted(named.items())]
    if images:
        rows.append([f"{len(images)} images and maps", "listed in run.json"])
    return rows
