"""Figures of the training: losses by epoch."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from adhd_cvae.figures.style import FAINT, INK, SPACE_COLOURS, legend_above, new_figure, soft_grid, styled
from adhd_cvae.names import BACKGROUND, SALIENT, in_order

TERMS = {
    "reconstruction": "unexplained variance",
    "kl_salient": "KL of s",
    "kl_background": "KL of z",
    "total_correlation": "total correlation",
    "salient_of_background": "controls' s",
    "salient_spread_of_background": "spread of controls' s",
    "background_mmd": "groups' difference in z (MMD²)",
    "salient_mmd_of_background": "controls' s from 0 (MMD²)",
    "hsic": "dependence of s and z (HSIC)",
    "classification": "cross-entropy of groups by s",
    "active_salient": "units of s in use",
    "active_background": "units of z in use",
    "critic_accuracy": "critic's accuracy",
}


@styled
def training_losses(history: pd.DataFrame) -> Figure:
    """Loss per epoch; one panel a model, the best epoch marked, and where the nonlinear correction begins.

    Parameters
    ----------
    history
        ``checkpoints/history.tsv``: `train_loss`; `validation_loss`, on the part of the training split that is held
        back, and `validation_nats`, which decides there; `test_loss` and `step` where there are any. Epoch 0 is the
        start.
    """
    names = {"cvae": "Contrastive VAE", "vae": "Plain VAE"}
    curves = {
        "train_loss": ("trained on", FAINT, "-"),
        "validation_loss": ("validation", SPACE_COLOURS[SALIENT], "--"),
        "test_loss": ("held out", SPACE_COLOURS[BACKGROUND], "-"),
    }
    curves = {column: look for column, look in curves.items() if column in history}
    shown = "validation_loss" if "validation_loss" in curves else [*curves][-1]
    models = in_order(history["model"].tolist(), names)
    figure = new_figure(0.6 + 2.1 * len(models))
    panels = figure.subplots(len(models), 1, squeeze=False)[:, 0]
    for axes, model in zip(panels, models, strict=True):
        rows = history.loc[history["model"] == model]
        for column, (label, colour, dashes) in curves.items():
            axes.plot(rows["epoch"], rows[column], color=colour, ls=dashes, label=label)
        losses = rows["validation_nats" if "validation_nats" in rows else shown].to_numpy(dtype=float)
        if np.isfinite(losses).any():
            best = rows.iloc[int(np.nanargmin(losses))]
            axes.plot(
                best["epoch"], best[shown], "o", color=curves[shown][1], label="best held-out likelihood"
            )
        _mark_deep_step(axes, rows)
        axes.set(title=names.get(model, model), ylabel="loss")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        soft_grid(axes, "y")
    panels[-1].set_xlabel("epoch")
    legend_above(figure, panels[0].get_legend_handles_labels()[0], 4)
    return figure


def _mark_deep_step(axes: Axes, rows: pd.DataFrame) -> None:
    """A line where the linear maps end and the nonlinear correction begins."""
    steps = rows["step"].tolist() if "step" in rows else []
    if "deep" in steps[1:] and steps[0] != "random":
        first = rows.iloc[steps.index("deep")]["epoch"] - 0.5
        axes.axvline(first, color=INK, lw=0.8, ls=":")
        where = axes.get_xaxis_transform()
        axes.annotate(
            "deep", (first, 1), xycoords=where, xytext=(0, 2), textcoords="offset points", ha="center"
        )


@styled
def training_terms(history: pd.DataFrame) -> Figure:
    """The contrastive model's loss terms on the training participants, one small panel each that has values."""
    rows = history.loc[history["model"] == "cvae"]
    terms = [term for term in TERMS if term in rows and rows[term].fillna(0).ne(0).any()]
    height = -(-len(terms) // 2)
    figure = new_figure(1.5 * height + 0.3)
    panels = figure.subplots(height, 2, squeeze=False, sharex=True).ravel()
    for axes, term in zip(panels, terms, strict=False):
        axes.plot(rows["epoch"], rows[term], color=SPACE_COLOURS[BACKGROUND], label="trained on")
        if term == "reconstruction" and "validation_reconstruction" in rows:
            look = {"color": SPACE_COLOURS[SALIENT], "ls": "--"}
            axes.plot(rows["epoch"], rows["validation_reconstruction"], **look, label="validation")
            figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
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
