"""Pictures of brains: reconstructions, twins' differences and traversals, with MNI coordinates in mm."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from nibabel.nifti1 import Nifti1Image
from nilearn.plotting import plot_stat_map

from adhd_cvae.figures.style import (
    FAINT,
    INK,
    SPACE_COLOURS,
    WIDTH,
    folded,
    legend_above,
    new_figure,
    soft_grid,
    styled,
    tidied,
)
from adhd_cvae.names import SALIENT, code_label, rows_of, signed, unit_name

GRAY = "gray"
DIVERGING = "RdBu_r"
OPACITY = 3.0
"""A change of a third of the largest hides the anatomy below; smaller ones let it through."""
BRAIN_X, BRAIN_Y = (-76, 76), (-114, 78)
"""What of an axial slice holds brain, mm."""
CUTS = ((-30, -12, 3), (18, 36, 54))
"""Heights of the axial slices, mm: cerebellum, striatum, cingulum, vertex."""
STRIATUM = 3
"""Height of the slice of which reconstructions are shown, mm."""
KINDS = ("observed", "full", "background\nonly", "salient\nonly")


def _axial(volume: np.ndarray, affine: np.ndarray, z: float) -> np.ndarray:
    """Axial slice nearest to z mm, front up, the participant's left on the left (as nilearn draws it).

    The grid's axes lie along the world's.
    """
    nearest = np.clip(round((z - affine[2, 3]) / affine[2, 2]), 0, volume.shape[2] - 1)
    turned = volume[:, :, nearest].T
    return turned[:: 1 if affine[1, 1] > 0 else -1, :: 1 if affine[0, 0] > 0 else -1]


def _crop(mask: np.ndarray, affine: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of an axial slice that hold brain, with one voxel around."""
    outline = _axial(np.any(mask, axis=2, keepdims=True), affine, 0)
    rows, columns = (np.flatnonzero(outline.any(axis=axis)) for axis in (1, 0))
    return slice(max(rows[0] - 1, 0), rows[-1] + 2), slice(max(columns[0] - 1, 0), columns[-1] + 2)


def _show(axes: Axes, picture: np.ndarray, limits: tuple[float, float], colours: str) -> AxesImage:
    """Draw a slice on black, without axes; NaN (outside the mask) stays transparent."""
    shown = axes.imshow(picture, origin="lower", cmap=colours, vmin=limits[0], vmax=limits[1])
    axes.set(facecolor="black", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return shown


def on_grid(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Put a vector of mask voxels (C order) back on the grid; NaN outside."""
    volume = np.full(mask.shape, np.nan, dtype=np.float32)
    volume[mask.astype(bool)] = values
    return volume


def _colour_bar(figure: Figure, shown: AxesImage, axes: np.ndarray, label: str) -> None:
    place: dict[str, Any] = {"location": "bottom", "shrink": 0.7, "aspect": 35, "pad": 0.02}
    bar = tidied(figure.colorbar(shown, ax=list(axes.flat), label=label, **place))
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]


@styled
def reconstructions(
    examples: Float[np.ndarray, "participants 4 voxels"],
    names: Sequence[str],
    mask: np.ndarray,
    affine: np.ndarray,
) -> Figure:
    """Observed map, full, background-only (twin) and salient-only decoding, one row a participant.

    Parameters
    ----------
    examples
        Gray-matter volume per voxel, mask voxels in C order.
    names
        What to call each row; never an identifier.
    mask, affine
        The grid.
    """
    area = _crop(mask, affine)
    figure = new_figure(1.42 * len(names) + 0.8)
    panels = figure.subplots(len(names), len(KINDS), squeeze=False)
    top = float(np.nanpercentile(examples[:, 0], 99.5))
    shown = None
    for row, (name, example) in enumerate(zip(names, examples, strict=True)):
        for column, kind in enumerate(KINDS):
            axes = panels[row, column]
            picture = _axial(on_grid(example[column], mask), affine, STRIATUM)[area]
            shown = _show(axes, picture, (0, top), GRAY)
            if row == 0:
                axes.set_title(kind, loc="center", fontsize=9.5)
        panels[row, 0].set_ylabel(name, fontsize=9.5)
    if shown is not None:
        _colour_bar(figure, shown, panels, f"gray-matter volume per voxel, z = {STRIATUM} mm")
    return figure


@styled
def traversals(
    changes: Float[np.ndarray, "units steps voxels"],
    values: Float[np.ndarray, "units steps"],
    anatomy: Float[np.ndarray, " voxels"],
    mask: np.ndarray,
    affine: np.ndarray,
) -> Figure:
    """What the decoding gains and loses as one salient unit moves and everything else stays.

    Each unit is shown on the axial slice where its change is largest.

    Parameters
    ----------
    changes
        Decoding at each value minus the decoding at s = 0, gray-matter volume per voxel.
    values
        The unit's value at each step.
    anatomy
        Mean map, shown in gray below.
    """
    area = _crop(mask, affine)
    units, steps = values.shape
    figure = new_figure(1.55 * units + 0.75)
    panels = figure.subplots(units, steps, squeeze=False)
    limit = float(np.abs(changes).max()) or 1.0
    shown = None
    for unit in range(units):
        furthest = changes[unit, np.abs(changes[unit]).max(axis=1).argmax()]
        z = _peak_height(on_grid(furthest, mask), affine)
        below = _axial(on_grid(anatomy, mask), affine, z)[area]
        for step in range(steps):
            axes = panels[unit, step]
            _show(axes, below, (0, 1.6 * float(np.nanmax(anatomy))), GRAY)
            change = _axial(on_grid(changes[unit, step], mask), affine, z)[area]
            shown = _show(axes, change, (-limit, limit), DIVERGING)
            shown.set_interpolation("nearest")  # as it is ("none") a picture has no opacity of its own
            shown.set_alpha(np.clip(OPACITY * np.abs(np.nan_to_num(change)) / limit, 0, 1))
            axes.set_xlabel(signed(f"{values[unit, step]:.1f}"), fontsize=9)
        panels[unit, 0].set_title(signed(f"{unit_name(SALIENT, unit)}, z = {z:g} mm"))
    if shown is not None:
        _colour_bar(figure, shown, panels, "change of gray-matter volume per voxel")
    return figure


def _peak_height(volume: np.ndarray, affine: np.ndarray) -> float:
    peak = np.unravel_index(np.nanargmax(np.abs(volume)), volume.shape)[2]
    return float(affine[2, 3] + affine[2, 2] * peak)


@styled
def template_maps(
    volumes: Mapping[str, Float[np.ndarray, "x y z"]], affine: np.ndarray, label: str, least: float = 1e-3
) -> Figure:
    """Maps over the MNI152 template, by nilearn: one row a map, axial slices with their height in mm.

    Parameters
    ----------
    volumes
        Name to map; zero or NaN where there is nothing to show.
    label
        Quantity and unit, for the colour bar.
    least
        Share of the largest absolute value below which values are transparent.
    """
    limit = float(max(np.nanmax(np.abs(volume)) for volume in volumes.values())) or 1.0
    figure = Figure(figsize=(WIDTH, 4.15 * len(volumes) + 0.7))
    bottom = 0.7 / figure.get_figheight()
    height = (1 - bottom) / len(volumes)
    for row, (name, volume) in enumerate(volumes.items()):
        base = 1 - (row + 1) * height
        image = Nifti1Image(np.nan_to_num(volume).astype(np.float32), affine)
        for part, heights in enumerate(CUTS):
            axes = figure.add_axes((0, base + height * (0.5 - 0.45 * part), 1, 0.42 * height))
            _overlay(axes, image, heights, limit, least)
        figure.text(0.01, base + 0.99 * height, name, fontweight="bold", va="top")
    if not any(np.nan_to_num(volume).any() for volume in volumes.values()):
        return figure  # nothing to be measured by colours
    axes = figure.add_axes((0.2, 0.62 * bottom, 0.6, 0.13 * bottom))
    shown = ScalarMappable(Normalize(-limit, limit), DIVERGING)
    bar = tidied(figure.colorbar(shown, cax=axes, orientation="horizontal", label=label))
    bar.outline.set(edgecolor=INK, linewidth=0.5)  # pyright: ignore[reportCallIssue]
    return figure


def _overlay(axes: Axes, image: Nifti1Image, heights: Sequence[int], limit: float, least: float) -> None:
    with warnings.catch_warnings():
        # A map of zeros is a legitimate result: the anatomy is shown with nothing over it.
        warnings.filterwarnings("ignore", "empty mask", UserWarning)
        display = plot_stat_map(
            image,
            figure=axes.figure,
            axes=axes,
            display_mode="z",
            cut_coords=list(heights),
            colorbar=False,
            threshold=least * limit,
            vmax=limit,
            cmap=DIVERGING,
            black_bg=False,
            annotate=False,
            draw_cross=False,
        )
    # nilearn's own labels sit in white boxes over their neighbours at this size.
    for z, cut in display.axes.items():
        # Nor does it need to take as much room as the map's grid has around the brain.
        cut.ax.set(xlim=BRAIN_X, ylim=BRAIN_Y)
        for shown in cut.ax.images:  # as they are: a browser enlarges them
            shown.set_interpolation("none")
        title = signed(f"z = {float(z):g} mm")
        cut.ax.set_title(title, loc="center", y=-0.08, fontsize=8.5, fontweight="normal")


@styled
def components_by_site(table: pd.DataFrame, levels: Mapping[str, str]) -> Figure:
    """What each component takes of the variance at a site that had no part in it: a panel a component.

    Parameters
    ----------
    table
        ``analysis/effect_components.tsv``; a filled dot is `explained`, a ring `explained_own`, a tick
        `explained_others`.
    levels
        Site code: name.
    """
    tried = table.loc[table["explained"].notna()]
    sites = list(dict.fromkeys(tried["left_out"]))
    components = sorted(set(tried["component"]))
    figure = new_figure(0.9 + len(components) * (0.55 + 0.37 * len(sites)))
    panels = figure.subplots(len(components), 1, squeeze=False, sharex=True)[:, 0]
    colour = SPACE_COLOURS[SALIENT]
    for axes, component in zip(panels, components, strict=True):
        for row in rows_of(tried.loc[tried["component"] == component]):
            place = sites.index(row["left_out"])
            axes.plot([row["explained"], row["explained_own"]], [place, place], color=FAINT, lw=1.2, zorder=1)
            axes.vlines(row["explained_others"], place - 0.3, place + 0.3, color=INK, lw=1.6, zorder=2)
            axes.plot(row["explained_own"], place, "o", ms=8, mfc="none", mec=colour, mew=1.4, zorder=3)
            axes.plot(row["explained"], place, "o", ms=5.5, color=colour, zorder=4)
        axes.set_yticks(range(len(sites)), [folded(code_label(site, levels), 20, 2) for site in sites])
        axes.set_ylim(len(sites) - 0.4, -0.6)
        axes.set_title(f"component {component:g}")
        soft_grid(axes)
    panels[-1].set_xlim(left=0)
    panels[-1].set_xlabel("share of the variance between patients")
    legend_above(
        figure,
        [
            Line2D([], [], color=colour, marker="o", ls="", ms=5.5, label="at the site left out"),
            Line2D([], [], color=colour, marker="o", ls="", ms=8, mfc="none", label="its own component"),
            Line2D([], [], color=INK, marker="|", ls="", ms=9, mew=1.6, label="at the other sites"),
        ],
        columns=3,
    )
    return figure
