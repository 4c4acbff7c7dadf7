"""run.json: what was done with which settings and inputs, so that a stage knows whether its work stands."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from adhd_cvae.config import Recipe
from adhd_cvae.config.identity import OTHER_IN_0_1
from adhd_cvae.errors import InputError
from adhd_cvae.io import file_checksum, fingerprint, read_json, remove_partial_files, write_json
from pipelines.output_dir.inventory import seal
from pipelines.output_dir.ownership import check, clear, is_regenerated
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.run import Run
from pipelines.recipes.loader import DEFAULT, apply_overrides, flatten, load_recipe, validated
from pipelines.recipes.renamed import recipe_of_today, translated

PACKAGES = (
    "adhd-cvae", "joblib", "matplotlib", "mlflow", "monai", "nibabel", "nilearn", "numba", "numpy", "pandas",
    "pybids", "pydantic", "safetensors", "scikit-learn", "scipy", "torch", "torchio", "umap-learn",
)  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """What a stage's results depend on, and where they are.

    Attributes
    ----------
    settings
        Every setting that changes the results, dotted key to JSON value.
    inputs
        Name of each input to its checksum.
    outputs
        Files, relative to OUTPUT_DIR, that are whole once the stage is done; for a folder, every file in it.
    clears
        Files and folders removed before the stage starts afresh.
    keeps_on_new_inputs
        Whether changed inputs are refused like changed settings: the results were dear.
    is_aside
        Whether it asks something of its own, so that its recipe is not that of the stages before.
    """

    name: str
    settings: dict[str, Any]
    inputs: dict[str, str]
    outputs: tuple[str, ...]
    clears: tuple[str, ...] = ()
    keeps_on_new_inputs: bool = False
    is_aside: bool = False


@dataclass
class Provenance:
    """The content of run.json, kept on disk at every change."""

    paths: OutputPaths
    content: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, paths: OutputPaths) -> "Provenance":
        """Read run.json, or start an empty one where there is none."""
        if not paths.provenance.is_file():
            return cls(paths)
        try:
            content = read_json(paths.provenance)
        except ValueError as error:
            raise InputError(
                f"{paths.provenance} is not JSON ({error}). Move it away to start afresh."
            ) from error
        if not _is_provenance(content):
            raise InputError(f"{paths.provenance} is no record of adhd-cvae. Move it away to start afresh.")
        return cls(paths, _with_names_of_today(content))

    @property
    def stages(self) -> dict[str, Any]:
        """What is known of each stage that was started."""
        return self.content.setdefault("stages", {})

    def note(self, **facts: Any) -> None:
        """Add or replace facts at the top level."""
        self.content.update(facts)
        self._save()

    def checksums(self, *files: Path) -> dict[str, str]:
        """Checksum of each of OUTPUT_DIR's files that exist, by its relative name."""
        folder = self.paths.folder
        return {file.relative_to(folder).as_posix(): file_checksum(file) for file in files if file.is_file()}

    def _save(self) -> None:
        stages = self.content.pop("stages", {})
        self.content["stages"] = stages  # last: the long part
        write_json(self.content, self.paths.provenance)

    def perform(self, stage: Stage, run: Run, work: Callable[[], None]) -> bool:
        """Do a stage's work unless its results stand; return whether anything was done.

        Raises
        ------
        InputError
            OUTPUT_DIR holds this stage's results with other settings, and `run` may not replace them.
        """
        before = self._before(stage)
        other = before is not None and before["fingerprint"] != _fingerprint(stage)
        if before is not None and other:
            # After a wrong setting or table there is nothing to guard, unless hours of training are behind it.
            nothing = before["state"] == "failed" and not stage.keeps_on_new_inputs
            self._refuse_others(stage, before, replace(run, overwrite=run.overwrite or nothing))
        elif before is not None and before["state"] == "done" and self._whole(before["outputs"]):
            run.progress.line(f"{stage.name}: already done")
            for name in self._edited(before["outputs"]):
                run.progress.warning(f"{name} was changed since {stage.name} wrote it; it is used as it is")
            return False
        check(self.paths.folder, stage.outputs)
        if other:
            clear(self.paths.folder, stage.clears)
        remove_partial_files(self.paths.folder)
        self._start(stage, run)
        started = time.monotonic()
        try:
            work()
        except InputError:
            self.stages[stage.name]["state"] = "failed"
            self._save()
            raise
        self._finish(stage, time.monotonic() - started)
        return True

    def begin(self, stage: Stage, run: Run) -> None:
        """Record a stage that several calls share, each adding its part: what is there stays, or all of it goes.

        Raises
        ------
        InputError
            OUTPUT_DIR holds this stage's results with other settings, and `run` may not replace them.
        """
        before = self._before(stage)
        if before is not None and before["fingerprint"] != _fingerprint(stage):
            self._refuse_others(stage, before, run)
            check(self.paths.folder, stage.clears)
            clear(self.paths.folder, stage.clears)
        self._start(stage, run)

    def _before(self, stage: Stage) -> dict[str, Any] | None:
        """What is known of an earlier call; a setting that is younger than it had its default, or what 0.1 did."""
        before = self.stages.get(stage.name)
        if before is None:
            return None
        defaults = flatten(Recipe().model_dump(mode="json")) | dict(OTHER_IN_0_1)
        younger = {key: defaults[key] for key in {*stage.settings} - {*before["settings"]} if key in defaults}
        if not younger:
            return before
        settings = before["settings"] | younger
        completed = fingerprint({"settings": settings, "inputs": before["inputs"]})
        return before | {"settings": settings, "fingerprint": completed}

    def _refuse_others(self, stage: Stage, before: dict[str, Any], run: Run) -> None:
        differences = [
            f"{stage.name} was done with {key} = {brief(old)}, now {brief(new)}"
            for key, old, new in _differences(before["settings"], stage.settings)
        ]
        changed = [name for name, _, _ in _differences(before["inputs"], stage.inputs)]
        if stage.keeps_on_new_inputs and changed:
            differences.append(f"{stage.name} was done with another {', '.join(changed)}")
        if differences and not run.overwrite:
            advice = f"Give --overwrite to replace the results in {self.paths.folder}, or another OUTPUT_DIR."
            raise InputError(*(f"{line}. {advice}" for line in differences))
        if changed:
            run.progress.line(f"{stage.name}: {', '.join(changed)} changed since, doing it again")

    def _start(self, stage: Stage, run: Run) -> None:
        self.content.setdefault("format", 1)
        if not (stage.is_aside and {*self.stages} - {stage.name}):
            self.content["recipe"] = run.recipe.model_dump(mode="json")
            self.content["seed"] = run.recipe.seed
        self.content["software"] = software()
        self.stages[stage.name] = {
            "state": "started",
            "fingerprint": _fingerprint(stage),
            "settings": stage.settings,
            "inputs": stage.inputs,
        }
        self._save()

    def _finish(self, stage: Stage, seconds: float) -> None:
        self.stages[stage.name] |= {
            "state": "done",
            "seconds": round(seconds, 2),
            "outputs": {name: seal(self.paths.folder / name) for name in self._output_files(stage)},
        }
        self._save()

    def _output_files(self, stage: Stage) -> list[str]:
        found: list[str] = []
        for name in stage.outputs:
            path = self.paths.folder / name
            files = sorted(path.rglob("*")) if path.is_dir() else [path]
            found.extend(
                file.relative_to(self.paths.folder).as_posix()
                for file in files
                if file.is_file() and not file.name.startswith(".")
            )
        return found

    def _whole(self, outputs: dict[str, Any]) -> bool:
        """Whether every output is there; what somebody edited stands, but nobody edits what is regenerated."""
        edited = self._edited(outputs)
        return all((self.paths.folder / name).is_file() for name in outputs) and not any(
            is_regenerated(name) for name in edited
        )

    def _edited(self, outputs: dict[str, Any]) -> list[str]:
        """Outputs that are there and not as they were written."""
        files = {name: self.paths.folder / name for name in outputs}
        return [name for name, file in files.items() if file.is_file() and seal(file) != outputs[name]]


def _with_names_of_today(content: dict[str, Any]) -> dict[str, Any]:
    """Translate settings that an earlier version called otherwise, so that its results stand."""
    for stage in content.get("stages", {}).values():
        settings = translated(stage["settings"])
        if settings != stage["settings"]:
            stage["settings"] = settings
            stage["fingerprint"] = fingerprint({"settings": settings, "inputs": stage["inputs"]})
    if "recipe" in content:
        recipe = recipe_of_today(content["recipe"])
        if "model" in recipe:
            recipe["model"] = {"trunk": OTHER_IN_0_1["model.trunk"], **recipe["model"]}
        content["recipe"] = recipe
    return content


def _is_provenance(content: Any) -> bool:
    """Whether run.json has what the stages rely on."""
    stages = content.get("stages", {}) if isinstance(content, dict) else None
    return isinstance(stages, dict) and all(
        isinstance(stage, dict)
        and {"state", "fingerprint", "settings", "inputs"} <= set(stage)
        and (stage["state"] != "done" or isinstance(stage.get("outputs"), dict))
        for stage in stages.values()
    )


def recipe_of(paths: OutputPaths, name: str | None, overrides: list[str] | None) -> Recipe:
    """Settings of a later stage: the named recipe, or the one OUTPUT_DIR was made with; then the changes."""
    made_with = Provenance.open(paths).content.get("recipe")
    if name is not None or made_with is None:
        return load_recipe(name or DEFAULT, tuple(overrides or ()))
    return validated(apply_overrides(made_with, tuple(overrides or ())), f"{paths.provenance}")


def settings_of(recipe: Recipe, *sections: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Pick from a recipe, flat, every setting under the named sections or keys except `without`."""
    flat = flatten(recipe.model_dump(mode="json"))
    return {
        key: value
        for key, value in flat.items()
        if any(f"{key}.".startswith(f"{section}.") for section in sections) and key not in without
    }


def software() -> dict[str, str]:
    """Versions of Python and of every package that can change a number."""
    versions = {"python": platform.python_version(), "system": platform.system()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _fingerprint(stage: Stage) -> str:
    return fingerprint({"settings": stage.settings, "inputs": stage.inputs})


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [
        (key, before.get(key), now.get(key))
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key)
    ]


def brief(value: Any) -> str:
    """A setting's value in a message."""
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def images_fingerprint(manifest: Path) -> str:
    """Tell the cache by what its manifest says: grid settings and each used file's checksum, not its dates."""
    content = read_json(manifest)
    used = [row["sha256"] for row in content["maps"] if row["reason"] is None]
    return fingerprint([content["settings"], used])
