"""What of a finished OUTPUT_DIR an MLflow run shows: name, tags, scores. Imports no MLflow."""

import math
import subprocess
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adhd_cvae.analysis.group_measures import AUC
from adhd_cvae.analysis.refits import applied
from adhd_cvae.config import Recipe
from adhd_cvae.config.identity import identity
from adhd_cvae.io import fingerprint, read_json
from adhd_cvae.models.form_choice import BORROWED
from adhd_cvae.names import BACKGROUND, SALIENT, TARGET, rows_of, units_in
from pipelines.mlflow_tracking.privacy import public_settings
from pipelines.output_dir.results import Results
from pipelines.recipes.differences import changes, compared, short

_OF_TABLES = (
    ("recovery", "recovery", ("factor", "space", "split", "metric"), "score"),
    ("rsa", "tau", ("space", "variable"), "tau"),
    ("silhouette", "silhouette", ("space", "variable"), "silhouette"),
    ("probes", "leakage", ("space", "target", "probe", "metric"), "score"),
)
"""Table of ``analysis/``, start of its metrics' names, columns that make up the rest of it, column of the value."""

_LONGEST_DIGEST = 36
"""Characters that MLflow takes."""
_LONGEST_NAME, _LONGEST_CHANGES, _LONGEST_KEY = 32, 100, 14
"""Characters of a dataset's name, of what was changed and of one changed setting, in a run's name."""


@dataclass(frozen=True)
class RunSummary:
    """A finished OUTPUT_DIR, and the settings it is published with, as MLflow shows them."""

    results: Results
    recipe: Recipe
    answer: tuple[str, ...] = ()
    """The page's first screen, a sentence each."""

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The recipe as plain values, as far as it may leave the lab."""
        return public_settings(self.recipe.model_dump(mode="json"), self.results)

    def title(self, seeds: str | None = None) -> str:
        """Name the run so that a stranger can tell it from its neighbours.

        What differs from the recipe comes first, since the UI cuts names after some twenty characters, then the recipe,
        the seed and the cohort. `seeds` stands for the seed where there are several.
        """
        known, count = str(self.results.run.get("dataset", "")), self.profile["participants"]
        cohort = known.split(",")[0][:_LONGEST_NAME]  # of a simulated one the rest says how it was simulated
        parts = [*self._changes(), self.recipe.name, seeds or f"seed {self.recipe.seed}"]
        return ", ".join([*parts, f"{cohort} n={count}" if cohort else f"n={count}"])

    def _changes(self) -> list[str]:
        """What differs from the recipe, as far as it fits into a name."""
        found = [short(key, value, _LONGEST_KEY) for key, value in changes(self.settings).items()]
        shown = [
            text for place, text in enumerate(found, 1) if len(", ".join(found[:place])) <= _LONGEST_CHANGES
        ]
        return [*shown, *([f"{len(found) - len(shown)} more"] if len(shown) < len(found) else [])]

    @property
    def parameters(self) -> dict[str, Any]:
        """Settings that one would compare, by dotted key."""
        return compared(self.settings)

    def tags(self, **facts: Any) -> dict[str, str]:
        """What runs are filtered by; `facts` are newer than those in run.json."""
        known, commit = {**self.results.run, **facts}, git_commit()
        earned = self.results.earned
        kept = [] if earned is None else earned.query("model == 'cvae' and kept == 1")["step"].tolist()
        return {
            "recipe": self.recipe.name,
            "objective": self.recipe.objective.name,
            "differs": ", ".join(short(key, value) for key, value in changes(self.settings).items())
            or "nothing",
            "seed": str(self.recipe.seed),
            "dataset": str(known.get("dataset", "cohort")),
            "device": str(known.get("device", "unknown")),
            **({"earned/kept": str(kept[0])} if kept else {}),
            **self._borrowed(known),
            **({"mlflow.source.git.commit": commit} if commit else {}),
        }

    def _borrowed(self, known: dict[str, Any]) -> dict[str, str]:
        """Names and checksums of what was borrowed."""
        if not self.recipe.cohort.background_from:
            return {}
        sources = known.get("borrowed", [])
        return {"borrowed": ", ".join(f"{one['name']} {one['checksum'][:12]}" for one in sources)}

    @cached_property
    def scores(self) -> dict[str, float]:
        """What runs are compared by, metric name to value."""
        return scores(self.results)

    @cached_property
    def content(self) -> str:
        """Fingerprint of the results: recipe, latents, weights and tables."""
        paths = self.results.paths
        weights = paths.cvae.with_suffix(".safetensors")
        files = (paths.cohort, paths.latents, paths.draws, weights, paths.reference)
        files += (*sorted(paths.analysis.glob("*.tsv")), paths.stability, paths.seed_scores)
        checksums = self.results.provenance.checksums(*files)
        return fingerprint({"recipe": identity(self.recipe), "files": checksums})

    @property
    def dataset(self) -> str:
        """Name of the data."""
        return str(self.results.run.get("dataset", "cohort"))

    @property
    def digest(self) -> str:
        """Tells cohorts apart: participants with their phenotypes, and maps, whatever was done to them; for MLflow."""
        paths, used = self.results.paths, []
        if paths.manifest.is_file():
            used = [row["sha256"] for row in read_json(paths.manifest)["maps"] if row["reason"] is None]
        return fingerprint([self.results.provenance.checksums(paths.cohort), used])[:_LONGEST_DIGEST]

    @cached_property
    def profile(self) -> dict[str, int]:
        """Number of participants, in all and by group."""
        cohort = self.results.cohort
        if cohort is None:
            return {"participants": 0}
        return {"participants": len(cohort), **Counter(cohort["group"])}


def scores(results: Results) -> dict[str, float]:
    """Collect what runs are compared by: metric name to value."""
    found = {
        "/".join([start, *(str(row[key]) for key in keys)]): float(row[value])
        for name, start, keys, value in _OF_TABLES
        if (table := results.analysis(name)) is not None
        for row in rows_of(table)
    }
    found |= out_of_fold_scores(results) | _borrowed(results)
    if results.distances is not None:
        found["out_of_distribution"] = float(
            results.distances["out_of_distribution"].to_numpy(dtype=float).mean()
        )
    if results.history is not None:
        trained = results.history.query("epoch > 0")
        medians = pd.Series(trained.groupby("model")["seconds"].median())
        found |= {f"seconds/epoch/{model}": float(seconds) for model, seconds in medians.items()}
    if results.earned is not None:
        gained = results.earned.query("model == 'cvae'")
        found |= {f"earned/{row['step']}": float(row["gain_nats"]) for row in rows_of(gained)}
    if results.stability is not None:
        means = pd.DataFrame(results.stability.groupby(["space", "split"], as_index=False)["r"].mean())
        found |= {f"stability/{row['space']}/{row['split']}": float(row["r"]) for row in rows_of(means)}
    if "peak_memory_mb" in results.run:
        found["memory/peak_mb"] = results.run["peak_memory_mb"]
    stages = results.run.get("stages", {}).items()
    return found | {f"seconds/{name}": facts["seconds"] for name, facts in stages if "seconds" in facts}


def out_of_fold_scores(results: Results) -> dict[str, float]:
    """Compute what two versions of the model are compared by, where there is a model: see `promotion`."""
    separation, decoded = results.analysis("separation"), results.decoded
    if separation is None or "reconstruction_error" not in decoded:
        return {}
    errors = np.asarray(decoded["reconstruction_error"], dtype=float)
    found = with_interval("out_of_fold/unexplained", float(errors.mean()), *_mean_interval(errors))
    # A space that is known in sample only has a row without a value.
    asked = separation["site"].isna() & separation["value"].notna() & (separation["measure"] == AUC)
    for row in rows_of(pd.DataFrame(separation[asked])):
        values = [float(row[name]) for name in ("value", "ci_low", "ci_high")]
        found |= with_interval(f"separation/{row['space']}", *values)
        if row["space"] == BACKGROUND:
            found |= with_interval("out_of_fold/leakage", *(max(0.5, value) for value in values))
    return found


def with_interval(name: str, value: float, low: float, high: float) -> dict[str, float]:
    """A metric and, where they are known, the ends of its 95 % interval."""
    return {
        name: value,
        **({f"{name}/low": low, f"{name}/high": high} if low == low and high == high else {}),
    }


def _mean_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean over participants."""
    half = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else math.nan
    return float(values.mean()) - half, float(values.mean()) + half


def fold_scores(results: Results) -> dict[int, dict[str, float]]:
    """What the models of each fold do for those they have not met: fold to metric to value."""
    if results.folds is None or "reconstruction_error" not in results.decoded:
        return {}
    of_each = dict(zip(results.folds["participant_id"], results.folds["fold"], strict=True))
    place = np.array([of_each.get(name, -1) for name in results.decoded["participant_id"]])
    errors, aucs = results.decoded["reconstruction_error"], _fold_separation(results)
    return {
        int(fold): {
            "out_of_fold/unexplained": float(errors[place == fold].mean()),
            **({"separation/salient": aucs[fold]} if fold in aucs else {}),
            "participants": float((place == fold).sum()),
        }
        for fold in sorted({*place.tolist()} - {-1})
    }


def _fold_separation(results: Results) -> dict[int, float]:
    """Area under the curve of patients against controls by s in each fold that holds both."""
    table, weights = results.out_of_fold, results.fold_arrays.get(f"{SALIENT}_discriminant")
    if table is None or weights is None:
        return {}
    found = {}
    for fold, fitted in zip(results.fold_arrays["folds"].tolist(), weights, strict=True):
        held_out = pd.DataFrame(table[table["fold"] == fold])
        is_target = (held_out["group"] == TARGET).to_numpy()
        scores = applied(fitted, held_out[units_in(table.columns, SALIENT)].to_numpy(float))
        if is_target.any() and not is_target.all():
            above = scores[is_target, None] - scores[None, ~is_target]
            found[int(fold)] = float((np.sign(above) / 2 + 0.5).mean())
    return found


def _borrowed(results: Results) -> dict[str, float]:
    """What s tells with what was borrowed and without, and in which share of the folds it was taken."""
    table = results.analysis("background")
    if table is None:
        return {}
    forms = pd.DataFrame(table[table["taken"] == 1])
    found = {"background/taken": forms["form"].tolist().count(BORROWED) / len(forms)} if len(forms) else {}
    return found | {
        f"background/{row['form']}/{name}": float(row[name])
        for row in rows_of(pd.DataFrame(table[table["fold"].isna()]))
        for name in ("auc", "recovery", "stability")
    }


def git_commit() -> str | None:
    """Name the commit this software runs from; None where it is an installed package."""
    here = Path(__file__)
    tracked = ["git", "-C", str(here.parent), "ls-files", "--error-unmatch", here.name]
    commit = ["git", "-C", str(here.parent), "rev-parse", "HEAD"]
    try:
        subprocess.run(tracked, check=True, capture_output=True)
        return subprocess.run(commit, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
