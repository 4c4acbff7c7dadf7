"""The model card: what a stranger should know before using a registered model, in Markdown."""

from adhd_cvae.names import GROUP_LABELS, SPLIT_LABELS
from pipelines.mlflow_tracking.summary import RunSummary

SHOWN = {
    "held_out/unexplained": "Share of held-out maps' variance left unexplained; lower is better",
    "held_out/leakage": "Balanced accuracy of telling patients from controls by z; 0.5 is best",
    "out_of_distribution/test": "Share of held-out maps that are flagged as unlike those trained on",
}
"""Metric to what it says."""
_LIMITS = """\
- For research on groups. It says nothing about one person and is no medical device.
- Maps must be made by the same pipeline as those it was trained on. `out_of_distribution` says where that went wrong \
badly; no flag is no proof.
- `s` and `z` are pushed towards independence, not made independent: see `independence.tsv`.
- It was learnt from participants of one dataset. Terms of that data can reach to what was learnt from it.
"""


def model_card(summary: RunSummary) -> str:
    """Write the card of a model, from what its run is compared by; no participant and no place is named."""
    recipe, counts = summary.recipe, summary.profile
    cohort = ", ".join(
        f"{counts.get(f'{group} {split}', 0)} {name} {use}"
        for group, name in GROUP_LABELS.items()
        for split, use in SPLIT_LABELS.items()
    )
    known = summary.results.run
    software = known.get("software", {})
    model, image = recipe.model, recipe.image
    shape = " × ".join(map(str, image.shape))
    # The list of versions shows the first words; within a paragraph the UI shows line breaks as they are.
    return f"""# {recipe.objective.name} seed {recipe.seed}, {recipe.name}

A contrastive variational autoencoder of gray-matter maps, by adhd-cvae. `s` ({model.salient} units) holds what only \
patients vary in, `z` ({model.background} units) what patients and controls share.

| | |
|---|---|
| trained on | {known.get("dataset", "a cohort without a name")}: {cohort} |
| objective | `{recipe.objective.name}`, seed {recipe.seed}, recipe `{recipe.name}` |
| input | gray-matter maps in MNI space, any grid; resampled to {shape} voxels of {image.voxel_size:g} mm, \
smoothed by {image.fwhm:g} mm |
| output | posterior means and standard deviations of `s` and `z`, distance from the training participants, and a flag |
| software | adhd-cvae {software.get("adhd-cvae", "?")}, \
PyTorch {software.get("torch", "?")} |

## Measured

{_table(summary.scores)}

## Limits

{_LIMITS}"""


def _table(scores: dict[str, float]) -> str:
    """Choose what promotion looks at, recovery where the truth is known, and the salient relations."""
    rows = {f"`{name}`: {text}": scores[name] for name, text in SHOWN.items() if name in scores}
    chosen = ("recovery/", "tau/salient/")
    rows |= {
        f"`{name}`": value
        for name, value in scores.items()
        if name.startswith(chosen) and ("recovery" not in name or name.endswith("salient/test/r"))
    }
    lines = [f"| {name} | {value:.3f} |" for name, value in rows.items() if value == value]
    return "\n".join(["| metric | value |", "|---|---|", *lines]) if lines else "Nothing was measured."
