"""What of a finished OUTPUT_DIR an MLflow run shows: name, tags, scores."""

from collections import Counter

import numpy as np
import pandas as pd

from adhd_cvae.config import Recipe
from adhd_cvae.io import fingerprint, read_tsv
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import checksums


def content_fingerprint(paths: OutputPaths, recipe: Recipe) -> str:
    """Name a set of results by its content: recipe, latents, weights and tables."""
    tables = sorted(paths.analysis.glob("*.tsv"))
    weights = paths.cvae.with_suffix(".safetensors")
    files = (paths.cohort, paths.latents, paths.draws, weights, paths.reference, *tables)
    files += (paths.stability, paths.seed_scores)
    return fingerprint({"recipe": recipe.model_dump(mode="json"), "files": checksums(paths, *files)})


def scores(paths: OutputPaths, record: dict) -> dict[str, float]:
    """Collect what a person compares runs by: metric name to value."""
    found: dict[str, float] = {}
    for table, prefix, keys, value in (
        ("recovery", "recovery", ("factor", "space", "split", "metric"), "score"),
        ("rsa", "tau", ("space", "variable"), "tau"),
        ("silhouette", "silhouette", ("space", "variable"), "silhouette"),
        ("probes", "leakage", ("space", "target", "probe", "metric"), "score"),
    ):
        rows = read_tsv(paths.table(table)).to_dict("records") if paths.table(table).is_file() else []
        for row in rows:
            found["/".join([prefix, *(str(row[key]) for key in keys)])] = float(row[value])
    found |= promotion_numbers(paths)
    if paths.distances.is_file():
        distances = read_tsv(paths.distances)
        for split in distances["split"].unique():
            flags = distances.loc[distances["split"] == split, "out_of_distribution"]
            found[f"out_of_distribution/{split}"] = float(flags.mean())
    if paths.history.is_file():
        trained = read_tsv(paths.history).query("epoch > 0")
        medians = pd.DataFrame(trained.groupby("model", as_index=False)["seconds"].median())
        for row in medians.to_dict("records"):
            found[f"seconds/epoch/{row['model']}"] = float(row["seconds"])
    if paths.stability.is_file():
        pairs = read_tsv(paths.stability)
        means = pd.DataFrame(pairs.groupby(["space", "split"], as_index=False)["r"].mean())
        for row in means.to_dict("records"):
            found[f"stability/{row['space']}/{row['split']}"] = float(row["r"])
    if "peak_memory_mb" in record:
        found["memory/peak_mb"] = record["peak_memory_mb"]
    for stage, facts in record.get("stages", {}).items():
        if "seconds" in facts:
            found[f"seconds/{stage}"] = facts["seconds"]
    return found


def promotion_numbers(paths: OutputPaths) -> dict[str, float]:
    """Numbers that two versions of the model are compared by, where there is a model."""
    from pipelines.mlflow_tracking.promotion import promotion_scores

    if not paths.decoded.is_file() or not paths.table("probes").is_file():
        return {}
    with np.load(paths.decoded, allow_pickle=False) as decoded:
        errors = pd.DataFrame(
            {name: decoded[name] for name in ("participant_id", "reconstruction_error") if name in decoded}
        )
    splits = read_tsv(paths.cohort)[["participant_id", "split"]]
    return promotion_scores(splits.merge(errors, on="participant_id"), read_tsv(paths.table("probes")))


def title(paths: OutputPaths, recipe: Recipe, seeds: str | None = None) -> str:
    """Name a run so that a stranger can tell it from its neighbours; what differs first, since the UI cuts names."""
    which = seeds or f"seed {recipe.seed}"
    return f"{recipe.objective.name} {which}, {recipe.name}, {len(read_tsv(paths.cohort))} participants"


def tags(recipe: Recipe, record: dict) -> dict[str, str]:
    """Say what a person filters runs by."""
    from pipelines.mlflow_tracking.runs import git_commit

    commit = git_commit()
    return {
        "recipe": recipe.name,
        "objective": recipe.objective.name,
        "seed": str(recipe.seed),
        "dataset": str(record.get("dataset", "cohort")),
        "device": str(record.get("device", "unknown")),
        **({"mlflow.source.git.commit": commit} if commit else {}),
    }


def _profile(cohort: pd.DataFrame) -> dict[str, int]:
    counts = Counter(
        f"{group} {split}" for group, split in zip(cohort["group"], cohort["split"], strict=True)
    )
    return {"participants": len(cohort), **counts}
