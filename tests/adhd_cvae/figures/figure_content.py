"""What a figure shows, read back from it."""

import matplotlib as mpl
from matplotlib.colors import to_hex
from matplotlib.figure import Figure


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def bar_lengths(figure: Figure, colour: str) -> list[float]:
    patches = [patch for axes in figure.axes for patch in axes.patches]
    return [patch.get_width() for patch in patches if to_hex(patch.get_facecolor()).upper() == colour.upper()]
