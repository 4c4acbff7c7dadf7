"""Tables in, figures out; nothing is estimated here. One function a figure."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch
from matplotlib.ticker import MaxNLocator

from adhd_cvae.analysis.figure_style import (
    FAINT,
    GROUP_COLOURS,
    GROUP_LABELS,
    INK,
    SPACE_COLOURS,
    in_order,
    new_figure,
    soft_grid,
    space_colour,
    space_label,
    styled,
)

Levels = Mapping[str, str]


def _name(value: object, levels: Levels) -> str:
    """A code's label; 3 and 3.0 are the same code."""
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return levels.get(text, text)


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
        members = cohort[cohort["group"] == group]
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
    counts = cohort.groupby([site, "group"], observed=True).size().unstack("group", fill_value=0)
    counts = counts.reindex(columns=list(GROUP_COLOURS), fill_value=0)
    figure = new_figure(1.1 + 0.46 * len(counts))
    axes = figure.add_subplot()
    positions = np.arange(len(counts))
    for offset, group in ((-0.2, "target"), (0.2, "background")):
        bars = axes.barh(
            positions + offset, counts[group], 0.38, color=GROUP_COLOURS[group], label=GROUP_LABELS[group]
        )
        axes.bar_label(bars, padding=2, fontsize=8.5)
    alone = [" *" if (row == 0).any() else "" for row in counts.to_numpy()]
    names = [_name(code, levels) + mark for code, mark in zip(counts.index, alone, strict=True)]
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
        members = cohort[cohort["group"] == group]
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
    sex_axes.set_xticks(range(len(sexes)), [_name(sex, sex_levels) for sex in sexes])
    sex_axes.margins(y=0.12)
    for axes in (age_axes, sex_axes):
        soft_grid(axes, "y")
    figure.legend(*age_axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@styled
def exclusion_counts(exclusions: pd.DataFrame) -> Figure:
    """How many participants or files were left out, by stage and reason."""
    counts = exclusions.groupby(["stage", "reason"]).size().sort_values()
    figure = new_figure(0.9 + 0.4 * len(counts))
    axes = figure.add_subplot()
    names = [f"{reason.replace('_', ' ')}\n({stage})" for stage, reason in counts.index]  # pyright: ignore[reportGeneralTypeIssues]
    bars = axes.barh(names, counts.to_numpy(), 0.6, color=FAINT)
    axes.bar_label(bars, padding=3)
    axes.margins(x=0.1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("participants or files left out")
    soft_grid(axes)
    return figure


@styled
def training_losses(history: pd.DataFrame) -> Figure:
    """Training and held-out loss (nats) per epoch; one panel a model, its best held-out epoch marked."""
    names = {"cvae": "Contrastive VAE", "vae": "Plain VAE"}
    models = in_order(history["model"].tolist(), names)
    figure = new_figure(0.5 + 2.1 * len(models))
    panels = figure.subplots(len(models), 1, squeeze=False)[:, 0]
    for axes, model in zip(panels, models, strict=True):
        rows = history[history["model"] == model]
        axes.plot(rows["epoch"], rows["train_loss"], color=FAINT, label="training")
        axes.plot(rows["epoch"], rows["test_loss"], color=SPACE_COLOURS["background"], label="held out")
        held_out = rows["test_loss"].to_numpy(dtype=float)
        if np.isfinite(held_out).any():
            best = rows.iloc[int(np.nanargmin(held_out))]
            axes.plot(
                best["epoch"], best["test_loss"], "o", color=SPACE_COLOURS["salient"], label="best held out"
            )
        axes.set(title=names.get(model, model), ylabel="loss (nats)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        soft_grid(axes, "y")
    panels[-1].set_xlabel("epoch")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


TERMS = {
    "reconstruction": "reconstruction",
    "kl_salient": "KL of s",
    "kl_background": "KL of z",
    "total_correlation": "total correlation",
    "background_salient": "controls' s",
    "critic_accuracy": "critic's accuracy",
}


@styled
def training_terms(history: pd.DataFrame) -> Figure:
    """The contrastive model's loss terms on the training participants, one small panel each."""
    rows = history[history["model"] == "cvae"]
    terms = [term for term in TERMS if term in rows and rows[term].notna().any()]
    height = -(-len(terms) // 2)
    figure = new_figure(1.5 * height + 0.3)
    panels = figure.subplots(height, 2, squeeze=False, sharex=True).ravel()
    for axes, term in zip(panels, terms, strict=False):
        axes.plot(rows["epoch"], rows[term], color=SPACE_COLOURS["background"])
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


def _bars(axes: Axes, table: pd.DataFrame, category: str, value: str) -> list[tuple[float, float, pd.Series]]:
    """Draw one horizontal bar a row, grouped by category and coloured by space.

    Returns
    -------
    list of (position, height, row)
        For whatever else a figure wants to draw on each bar.
    """
    categories = list(dict.fromkeys(table[category]))
    spaces = in_order(table["space"].tolist(), SPACE_COLOURS)
    height = 0.8 / len(spaces)
    drawn = []
    for _, row in table.iterrows():
        shift = (spaces.index(row["space"]) - (len(spaces) - 1) / 2) * height
        position = categories.index(row[category]) + shift
        if pd.isna(row[value]):
            axes.text(0, position, " n/a", va="center", fontsize=8.5)
        else:
            axes.barh(position, row[value], 0.86 * height, color=space_colour(row["space"]), zorder=2)
        drawn.append((position, height, row))
    axes.set_yticks(range(len(categories)), [str(name) for name in categories])
    axes.set_ylim(len(categories) - 0.45, -0.55)
    axes.axvline(0, color=INK, lw=0.8, zorder=3)
    soft_grid(axes)
    return drawn


def _space_key(figure: Figure, spaces: list[str], *more: Patch | Line2D) -> None:
    keys = [
        Patch(color=space_colour(space), label=space_label(space))
        for space in in_order(spaces, SPACE_COLOURS)
    ]
    handles = [*keys, *more]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)


def _relabel(table: pd.DataFrame, column: str, labels: Levels) -> pd.DataFrame:
    return table.assign(
        **{column: [labels.get(str(name), str(name).replace("_", " ")) for name in table[column]]}
    )


@styled
def similarity_bars(rsa: pd.DataFrame, labels: Levels) -> Figure:
    """Kendall's τ of each variable in each space, with its interval, what chance gives, and a star.

    Parameters
    ----------
    rsa
        ``analysis/rsa.tsv``; the star is at ``p_fdr`` below 0.05, the gray band is the permutations'
        centre (`null_mean` where there, else 0) ± 1.96 `null_sd`.
    labels
        Variable: its words.
    """
    table = _relabel(rsa, "variable", labels)
    figure = new_figure(1.3 + 0.6 * table["variable"].nunique())
    axes = figure.add_subplot()
    for position, height, row in _bars(axes, table, "variable", "tau"):
        centre = row["null_mean"] if "null_mean" in row and pd.notna(row["null_mean"]) else 0.0
        if pd.notna(row["null_sd"]):
            spread = 1.96 * row["null_sd"]
            axes.barh(position, 2 * spread, height, centre - spread, color=FAINT, alpha=0.45, zorder=1)
        if pd.notna(row["ci_low"]) and pd.notna(row["ci_high"]):
            axes.hlines(position, row["ci_low"], row["ci_high"], color=INK, lw=1.2, zorder=4)
        if pd.notna(row["p_fdr"]) and row["p_fdr"] < 0.05:
            end = np.nanmax([row["tau"], row["ci_high"]])
            axes.annotate(
                "★", (end, position), (4, -0.5), textcoords="offset points", va="center", fontsize=9
            )
    axes.set_xlabel("Kendall's τ between dissimilarities")
    axes.margins(x=0.08)
    _space_key(
        figure,
        table["space"].tolist(),
        Patch(color=FAINT, alpha=0.45, label="95 % of chance"),
        Line2D([], [], color=INK, lw=1.2, label="95 % interval"),
        Line2D([], [], color=INK, marker="*", ls="", label="FDR < 0.05"),
    )
    return figure


@styled
def silhouette_bars(silhouette: pd.DataFrame, labels: Levels) -> Figure:
    """Silhouette of each nominal variable in each space; a star where the permutation p is below 0.05."""
    table = _relabel(silhouette, "variable", labels)
    figure = new_figure(1.1 + 0.6 * table["variable"].nunique())
    axes = figure.add_subplot()
    for position, _, row in _bars(axes, table, "variable", "silhouette"):
        if pd.notna(row["p_value"]) and row["p_value"] < 0.05:
            end = max(row["silhouette"], 0)
            axes.annotate(
                "★", (end, position), (4, -0.5), textcoords="offset points", va="center", fontsize=9
            )
    axes.set_xlabel("silhouette (1: well apart, 0: none, below 0: mixed)")
    axes.margins(x=0.08)
    star = Line2D([], [], color=INK, marker="*", ls="", label="p < 0.05")
    _space_key(figure, table["space"].tolist(), star)
    return figure


COVARIANCES = {"full": "-", "diag": "--", "tied": "-.", "spherical": ":"}


@styled
def mixture_curves(mixture: pd.DataFrame) -> Figure:
    """BIC against the number of components, a panel a space, a line a covariance form, the lowest point marked.

    Parameters
    ----------
    mixture
        ``analysis/mixture.tsv``: `bic`, with `bic_min` and `bic_max` over draws where there.
    """
    spaces = in_order(mixture["space"].tolist(), SPACE_COLOURS)
    forms = in_order(mixture["covariance"].tolist(), COVARIANCES)
    figure = new_figure(0.6 + 1.9 * len(spaces))
    panels = figure.subplots(len(spaces), 1, squeeze=False, sharex=True)[:, 0]
    for axes, space in zip(panels, spaces, strict=True):
        for index, form in enumerate(forms):
            rows = mixture[(mixture["space"] == space) & (mixture["covariance"] == form)].dropna(
                subset=["bic"]
            )
            if rows.empty:
                continue
            colour = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8a949c")[index % 5]
            axes.plot(rows["k"], rows["bic"], color=colour, ls=COVARIANCES.get(form, "-"), label=form)
            if {"bic_min", "bic_max"} <= set(rows):
                axes.fill_between(rows["k"], rows["bic_min"], rows["bic_max"], color=colour, alpha=0.2, lw=0)
            best = rows.loc[rows["bic"].idxmin()]
            axes.plot(best["k"], best["bic"], "o", color=colour, ms=6)
        axes.set(title=space_label(space), ylabel="BIC")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.ticklabel_format(axis="y", useOffset=False, style="plain")
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        soft_grid(axes, "y")
    panels[-1].set_xlabel("number of components")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


@styled
def probe_scores(probes: pd.DataFrame, labels: Levels) -> Figure:
    """What can be read out of each space, beside the 95th percentile of what shuffled targets give."""
    table = _relabel(probes, "target", labels)
    table = table.assign(row=[f"{row.target}\n{row.probe}" for row in table.itertuples()])
    metrics = list(dict.fromkeys(table["metric"]))
    rows = [table.loc[table["metric"] == metric, "row"].nunique() for metric in metrics]
    figure = new_figure(0.9 + 0.45 * len(metrics) + 0.62 * sum(rows))
    panels = figure.subplots(len(metrics), 1, squeeze=False, height_ratios=rows)[:, 0]
    for axes, metric in zip(panels, metrics, strict=True):
        for position, height, row in _bars(axes, table[table["metric"] == metric], "row", "score"):
            if pd.notna(row["null_p95"]):
                ends = (position - height / 2, position + height / 2)
                axes.vlines(row["null_p95"], *ends, color=INK, lw=2, zorder=4)
        axes.set_xlabel(str(metric).replace("_", " "))
        axes.margins(x=0.05)
    _space_key(figure, table["space"].tolist(), Line2D([], [], color=INK, lw=2, label="95 % of chance"))
    return figure


@styled
def recovery_bars(recovery: pd.DataFrame) -> Figure:
    """How well each planted factor can be read from each space, linear baselines included."""
    table = _relabel(recovery, "factor", {})
    metrics = list(dict.fromkeys(table["metric"]))
    splits = table["split"].nunique()
    shown = table.assign(row=table["factor"] if splits == 1 else table["factor"] + "\n" + table["split"])
    rows = [shown.loc[shown["metric"] == metric, "row"].nunique() for metric in metrics]
    figure = new_figure(0.9 + 0.45 * len(metrics) + 0.8 * sum(rows))
    panels = figure.subplots(len(metrics), 1, squeeze=False, height_ratios=rows)[:, 0]
    for axes, metric in zip(panels, metrics, strict=True):
        for position, _, row in _bars(axes, shown[shown["metric"] == metric], "row", "score"):
            if pd.notna(row["score"]):
                text = f"{row['score']:.2f}"
                place = (max(row["score"], 0), position)
                axes.annotate(text, place, (3, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_xlabel(str(metric).replace("_", " "))
        axes.margins(x=0.1)
    _space_key(figure, table["space"].tolist())
    return figure
