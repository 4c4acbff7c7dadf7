"""Pictures of a run before its results: who was analysed, who was left out, how the training went."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator

from adhd_cvae.analysis.figure_style import (
    FAINT,
    GROUP_COLOURS,
    GROUP_LABELS,
    INK,
    SPACE_COLOURS,
    code_label,
    folded,
    in_order,
    new_figure,
    soft_grid,
    styled,
)

Levels = Mapping[str, str]
"""Code: words."""


@styled
def participant_flow(found: int, left_out: int, cohort: pd.DataFrame) -> Figure:
    """Who was found, left out, kept, and how they were split.

    Parameters
    ----------
    found, left_out
        Participants met in the input, and those of them that did not enter the cohort.
    cohort
        `group` and `split` of the participants kept.
    """
    figure = new_figure(3.3)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 10), ylim=(0, 6.6))
    axes.axis("off")

    def box(x: float, y: float, width: float, text: str, colour: str = FAINT) -> None:
        patch = FancyBboxPatch(
            (x, y),
            width,
            1.1,
            boxstyle="round,pad=0.05,rounding_size=0.15",
            fc=colour,
            ec=INK,
            alpha=0.3,
            lw=0,
        )
        axes.add_patch(patch)
        axes.text(x + width / 2, y + 0.55, text, ha="center", va="center", linespacing=1.35)

    def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1, "shrinkA": 0})

    box(0.3, 5.3, 5.4, f"{found} participants found")
    box(6.5, 4.1, 3.3, f"{left_out} left out")
    box(0.3, 2.9, 5.4, f"{len(cohort)} in the cohort")
    arrow((3, 5.25), (3, 4.1))
    arrow((3, 4.65), (6.4, 4.65))
    for x, group in ((0.1, "target"), (5.2, "background")):
        members = cohort.loc[cohort["group"] == group]
        train = int((members["split"] == "train").sum())
        text = f"{len(members)} {GROUP_LABELS[group]}\n{train} trained on, {len(members) - train} held out"
        box(x, 0.4, 4.7, text, GROUP_COLOURS[group])
        arrow((3, 2.85), (x + 2.35, 1.6))
    return figure


@styled
def site_counts(cohort: pd.DataFrame, site: str, levels: Levels) -> Figure:
    """Participants of each group at each site; a site of one group only is marked.

    Parameters
    ----------
    cohort
        One row a participant, with `group` and the column named by `site`.
    levels
        Site code: name.
    """
    counts = pd.crosstab(cohort[site], cohort["group"]).reindex(columns=list(GROUP_COLOURS), fill_value=0)
    figure = new_figure(1.1 + 0.46 * len(counts))
    axes = figure.add_subplot()
    positions = np.arange(len(counts))
    for offset, group in ((-0.2, "target"), (0.2, "background")):
        bars = axes.barh(
            positions + offset, counts[group], 0.38, color=GROUP_COLOURS[group], label=GROUP_LABELS[group]
        )
        axes.bar_label(bars, padding=2, fontsize=8.5)
    alone = [" *" if (row == 0).any() else "" for row in counts.to_numpy()]
    names = [
        folded(code_label(code, levels), 20) + mark for code, mark in zip(counts.index, alone, strict=True)
    ]
    axes.set_yticks(positions, names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("participants" + ("     * one group only" if any(alone) else ""))
    soft_grid(axes)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@styled
def age_and_sex(cohort: pd.DataFrame, sex_levels: Levels) -> Figure:
    """Age (years) and sex by group, as shares of each group, so that groups of unequal size compare."""
    figure = new_figure(2.7)
    age_axes, sex_axes = figure.subplots(1, 2, width_ratios=(1.5, 1))
    ages = cohort["age"].dropna()
    edges = np.linspace(ages.min(), ages.max() + 1e-6, 13) if len(ages) else np.arange(2)
    sexes = sorted(cohort["sex"].dropna().unique(), key=str)
    for index, (group, colour) in enumerate(GROUP_COLOURS.items()):
        members = cohort.loc[cohort["group"] == group]
        age = members["age"].dropna()
        weights = np.full(len(age), 100 / max(len(age), 1))
        age_axes.hist(age, edges, weights=weights, color=colour, alpha=0.3)
        age_axes.hist(
            age, edges, weights=weights, histtype="step", color=colour, lw=1.8, label=GROUP_LABELS[group]
        )
        known = members["sex"].dropna()
        shares = [100 * float((known == sex).mean()) if len(known) else 0 for sex in sexes]
        bars = sex_axes.bar(np.arange(len(sexes)) + 0.4 * index - 0.2, shares, 0.38, color=colour)
        sex_axes.bar_label(bars, fmt="%.0f", padding=1, fontsize=8.5)
    age_axes.set(xlabel="age (years)", ylabel="share of the group (%)")
    sex_axes.set_xticks(range(len(sexes)), [code_label(sex, sex_levels) for sex in sexes])
    sex_axes.margins(y=0.12)
    for axes in (age_axes, sex_axes):
        soft_grid(axes, "y")
    figure.legend(*age_axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@styled
def exclusion_counts(exclusions: pd.DataFrame) -> Figure:
    """How many participants or files were left out, by stage and reason."""
    counts = exclusions.value_counts(["stage", "reason"], ascending=True)
    figure = new_figure(0.9 + 0.4 * len(counts))
    axes = figure.add_subplot()
    names = [f"{reason.replace('_', ' ')}\n({stage})" for stage, reason in counts.index]  # pyright: ignore[reportGeneralTypeIssues]
    bars = axes.barh(range(len(names)), counts.to_numpy(), 0.6, color=FAINT)
    axes.set_yticks(range(len(names)), names)
    axes.bar_label(bars, padding=3)
    axes.margins(x=0.1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("participants or files left out")
    soft_grid(axes)
    return figure


@styled
def training_losses(history: pd.DataFrame) -> Figure:
    """Loss per epoch; one panel a model, the epoch whose weights were kept marked.

    Parameters
    ----------
    history
        ``checkpoints/history.tsv``: `train_loss`; `validation_loss`, on the part of the training split that
        decides when to stop; `test_loss` where it was taken. Epoch 0 is the start.
    """
    names = {"cvae": "Contrastive VAE", "vae": "Plain VAE"}
    curves = {
        "train_loss": ("trained on", FAINT, "-"),
        "validation_loss": ("validation", SPACE_COLOURS["salient"], "--"),
        "test_loss": ("held out", SPACE_COLOURS["background"], "-"),
    }
    curves = {column: look for column, look in curves.items() if column in history}
    deciding = "validation_loss" if "validation_loss" in curves else [*curves][-1]
    models = in_order(history["model"].tolist(), names)
    figure = new_figure(0.6 + 2.1 * len(models))
    panels = figure.subplots(len(models), 1, squeeze=False)[:, 0]
    for axes, model in zip(panels, models, strict=True):
        rows = history.loc[history["model"] == model]
        for column, (label, colour, dashes) in curves.items():
            axes.plot(rows["epoch"], rows[column], color=colour, ls=dashes, label=label)
        losses = rows[deciding].to_numpy(dtype=float)
        if np.isfinite(losses).any():
            best = rows.iloc[int(np.nanargmin(losses))]
            axes.plot(best["epoch"], best[deciding], "o", color=curves[deciding][1], label="lowest")
        axes.set(title=names.get(model, model), ylabel="loss")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        soft_grid(axes, "y")
    panels[-1].set_xlabel("epoch")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


TERMS = {
    "reconstruction": "unexplained variance",
    "kl_salient": "KL of s",
    "kl_background": "KL of z",
    "total_correlation": "total correlation",
    "background_salient": "controls' s",
    "background_spread": "spread of controls' s",
    "mmd_background": "groups' difference in z (MMD²)",
    "mmd_salient": "controls' s from 0 (MMD²)",
    "hsic": "dependence of s and z (HSIC)",
    "classification": "cross-entropy of groups by s",
    "active_salient": "units of s in use",
    "active_background": "units of z in use",
    "critic_accuracy": "critic's accuracy",
}


@styled
def training_terms(history: pd.DataFrame) -> Figure:
    """The contrastive model's loss terms on the training participants, one small panel each that has values."""
    rows = history.loc[history["model"] == "cvae"]
    terms = [term for term in TERMS if term in rows and rows[term].fillna(0).ne(0).any()]
    height = -(-len(terms) // 2)
    figure = new_figure(1.5 * height + 0.3)
    panels = figure.subplots(height, 2, squeeze=False, sharex=True).ravel()
    for axes, term in zip(panels, terms, strict=False):
        axes.plot(rows["epoch"], rows[term], color=SPACE_COLOURS["background"])
        if term == "reconstruction" and "validation_reconstruction" in rows:
            look = {"color": SPACE_COLOURS["salient"], "ls": "--"}
            axes.plot(rows["epoch"], rows["validation_reconstruction"], **look, label="validation")
            axes.legend(loc="best")
        if term == "critic_accuracy":
            axes.axhline(0.5, color=INK, lw=0.8, ls=":")
        axes.set_title(TERMS[term])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
        soft_grid(axes, "y")
    for axes in panels[len(terms) :]:
        axes.set_axis_off()
    figure.supxlabel("epoch", fontsize=9.5)
    return figure
