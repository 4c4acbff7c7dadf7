"""Pictures of single maps, as they were prepared: what was left out, what lies far from the rest."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from adhd_cvae.analysis.figure_style import WIDTH, folded, new_figure, styled

COLUMNS = 2
OUTLINE = "#e69f00"
"""Okabe and Ito's orange: seen on black, gray and white."""


@styled
def mosaic(
    slices: Float[np.ndarray, "maps 3 side side"],
    labels: Sequence[str],
    outline: Float[np.ndarray, "3 side side"] | None = None,
) -> Figure:
    """Sagittal, coronal and axial slice of each map, side by side, each map in its own gray scale.

    Parameters
    ----------
    slices
        Up or front at the end of the rows; one map or more.
    labels
        What to say of each map; never an identifier.
    outline
        1 where gray matter belongs, 0 elsewhere: its border is drawn over every map.
    """
    rows = -(-len(slices) // COLUMNS)
    figure = new_figure(0.2 + rows * (0.42 + WIDTH / COLUMNS / 3))
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes in panels:
        axes.axis("off")
    for axes, views, label in zip(panels, slices, labels, strict=False):
        picture = np.concatenate(list(views.astype(np.float32)), axis=1)
        # The brightest few voxels of a broken map would leave the rest black.
        low, high = float(picture.min()), float(np.percentile(picture, 99.5))
        axes.imshow(picture, origin="lower", cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
        if outline is not None:
            border = np.concatenate(list(outline.astype(np.float32)), axis=1)
            axes.contour(border, levels=[0.5], colors=OUTLINE, linewidths=0.8)
        axes.set_title(folded(label, 36), fontsize=9, fontweight="normal", pad=3)
    return figure
