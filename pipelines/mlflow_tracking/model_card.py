"""The model card: what a stranger should know before using a registered model, in Markdown."""

from pathlib import Path

from adhd_cvae.names import GROUP_LABELS, OUT_OF_FOLD, SALIENT
from pipelines.mlflow_tracking.summary import RunSummary

SHOWN = {
    "out_of_fold/unexplained": "Share of maps' variance left unexplained; lower is better",
    "out_of_fold/leakage": "Area under the curve of telling patients from controls by z, at least 0.5; 0.5 is best",
    "separation/salient": "Area under the curve of telling patients from controls by s; 0.5 is a coin",
    "out_of_distribution": "Share of maps that are flagged as unlike those trained on",
}
"""Metric to what it says."""
_TEMPLATE = Path(__file__).with_name("model_card.md.txt").read_text(encoding="utf-8")
"""The list of versions shows its first words; within a paragraph the UI shows line breaks as they are."""


def model_card(summary: RunSummary) -> str:
    """Write the card of a model, from what its run is compared by; no participant and no place is named."""
    recipe, counts = summary.recipe, summary.profile
    cohort = ", ".join(f"{counts.get(group, 0)} {name}" for group, name in GROUP_LABELS.items())
    known = {"dataset": "a cohort without a name", "software": {}} | summary.results.run
    software = {"adhd-cvae": "?", "torch": "?"} | known["software"]
    return _TEMPLATE.format(
        title=summary.title(),
        recipe=recipe,
        answer="\n\n".join(summary.answer),
        shape=" × ".join(map(str, recipe.image.shape)),
        dataset=known["dataset"],
        differs=summary.tags()["differs"],
        cohort=cohort,
        ours=software["adhd-cvae"],
        torch=software["torch"],
        folds="linear models" if recipe.training.fold_models == "linear" else "networks",
        measured=_table(summary.scores),
    )


def _table(scores: dict[str, float]) -> str:
    """Choose what promotion looks at, recovery where the truth is known, and the salient relations."""
    rows = {f"`{name}`: {text}": scores[name] for name, text in SHOWN.items() if name in scores}
    chosen = ("recovery/", "tau/salient/")
    rows |= {
        f"`{name}`": value
        for name, value in scores.items()
        if name.startswith(chosen) and ("recovery" not in name or name.endswith(f"{SALIENT}/{OUT_OF_FOLD}/r"))
    }
    lines = [
        f"| {name} | {value:.3f} | {_interval(scores, name)} |"
        for name, value in rows.items()
        if value == value
    ]
    return (
        "\n".join(["| metric | value | 95 % interval |", "|---|---|---|", *lines])
        if lines
        else "Nothing was measured."
    )


def _interval(scores: dict[str, float], row: str) -> str:
    """Ends of a metric's interval, where they are known; a row begins with the metric's name."""
    ends = [scores.get(f"{row.split('`')[1]}/{end}") for end in ("low", "high")]
    return "" if None in ends else f"{ends[0]:.3f} to {ends[1]:.3f}"
