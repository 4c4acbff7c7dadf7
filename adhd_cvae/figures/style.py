"""One look for every figure: colours for colour-blind readers, sizes for a phone, the same bytes twice."""

import re
import textwrap
from base64 import b64decode, b64encode
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from adhd_cvae.io import atomic_path
from adhd_cvae.names import BACKGROUND, CONTRASTIVE_PCA, PCA, SALIENT, TARGET, VAE

WIDTH = 5.0
"""Inches. 360 points shown on a 390-pixel phone keep a 10-point letter about 10 pixels high."""
INK = "#1f2a33"
"""Text and axes; in the SVG it becomes ``currentColor``, so that it turns light on a dark page."""
FAINT = "#9aa5ae"
PAPER = "#ffffff"
DARK_INK = "#e4e9ed"
DARK_PAPER = "#12171c"


# Okabe & Ito's palette (jfly.uni-koeln.de/color); groups and spaces never share a colour.
SPACE_COLOURS = {
    SALIENT: "#D55E00",
    BACKGROUND: "#0072B2",
    VAE: "#009E73",
    CONTRASTIVE_PCA: "#CC79A7",
    PCA: "#8a949c",
}
GROUP_COLOURS = {TARGET: "#E69F00", BACKGROUND: "#56B4E9"}
GROUP_MARKERS = {TARGET: "^", BACKGROUND: "o"}
CATEGORY_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#8a949c", "#F0E442")
_THEME = (
    f"<style>svg{{color:{INK};background:{PAPER}}}"
    f"@media (prefers-color-scheme:dark){{svg{{color:{DARK_INK};background:{DARK_PAPER}}}}}</style>"
)
styled = style.context(Path(__file__).with_name("figures.mplstyle"))
"""Decorator: a function plots under the common style, and matplotlib's own settings are put back after each call."""


def new_figure(height: float) -> Figure:
    """An empty figure (inches) of its own, outside pyplot's register: nothing to close."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def soft_grid(axes: Axes, axis: str = "x") -> None:
    """Thin lines behind the data along one axis."""
    axes.set_axisbelow(True)
    axes.grid(axis=axis, color=FAINT, alpha=0.35, linewidth=0.6)  # pyright: ignore[reportArgumentType]


def folded(name: str, width: int = 17, lines: int = 3) -> str:
    """A long name on several lines, so that the plot keeps its room; of what is beyond these the end is kept."""
    return "\n".join(line for part in name.splitlines() for line in _fitted(part, width, lines))


def _fitted(name: str, width: int, lines: int) -> list[str]:
    """Names of one kind differ at their end (Scanner 1, Scanner 2): what is cut out is cut out before it."""
    found = textwrap.wrap(name, width)
    if len(found) <= lines:
        return found
    return [*found[: lines - 1], shortened(" ".join(found[lines - 1 :]), width, ends=lines == 1)]


def shortened(name: str, length: int, *, ends: bool = True) -> str:
    """A name of at most so many letters: its beginning and its end, or its end alone."""
    if len(name) <= length:
        return name
    start = (length - 1) // 2 if ends else 0
    end = name[start + 1 - length :]
    return f"{name[:start].rstrip()}…{end[end.find(' ') + 1 :] if ' ' in end else end}"


def legend_above(figure: Figure, handles: Sequence[Artist], columns: int) -> None:
    """A legend above the panels, from each handle's own label."""
    figure.legend(handles=list(handles), loc="outside upper center", ncols=columns)


def tidied(bar: Colorbar) -> Colorbar:
    """The same colour bar with few, short ticks."""
    bar.locator = MaxNLocator(nbins=5)
    bar.ax.tick_params(length=2)
    return bar


def space_colour(space: str) -> str:
    """The colour of a space; an unknown one is gray."""
    return SPACE_COLOURS.get(space, FAINT)


@styled
def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, atomically, the same bytes for the same data, legible on light and dark pages.

    The ink becomes ``currentColor``; a style sheet inside the file sets it from the reader's colour scheme. Pixels are
    written as numbers of 256 colours: a page has hundreds of pictures.
    """
    with atomic_path(path) as temporary:
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(temporary, format="svg", dpi=200, metadata=metadata)
        svg = temporary.read_text(encoding="utf-8")
        svg = re.sub(INK, "currentColor", svg, flags=re.IGNORECASE)
        svg = re.sub(r"(<svg\b[^>]*>)", rf"\1{_THEME}", svg, count=1)
        svg = re.sub(r"(?<=data:image/png;base64,)[^\"]+", lambda png: _of_few_colours(png[0]), svg)
        temporary.write_text(svg, encoding="utf-8")


def _of_few_colours(png: str) -> str:
    """A picture in base64 with a palette: exactly its own colours where they are 256 or fewer, else near ones."""
    with Image.open(BytesIO(b64decode(png))) as opened:
        image = opened.convert("RGBA")
    pixels = np.asarray(image)
    found, numbers = np.unique(pixels.view(np.uint32), return_inverse=True)
    colours = found.view(np.uint8).reshape(-1, 4)
    written = BytesIO()
    if len(colours) > 256:
        image.quantize(256, method=Image.Quantize.FASTOCTREE).save(written, "png", optimize=True)
    else:
        numbered = Image.fromarray(numbers.reshape(pixels.shape[:2]).astype(np.uint8))
        numbered.putpalette(colours[:, :3].tobytes())
        numbered.save(written, "png", optimize=True, transparency=colours[:, 3].tobytes())
    return min(png, b64encode(written.getvalue()).decode(), key=len)
