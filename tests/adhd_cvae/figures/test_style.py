"""One look, the same bytes twice, and matplotlib's settings as they were."""

import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.lines import Line2D
from PIL import Image

from adhd_cvae.figures import statistics
from adhd_cvae.figures.style import (
    DARK_PAPER,
    GROUP_COLOURS,
    INK,
    SPACE_COLOURS,
    folded,
    legend_above,
    new_figure,
    save_figure,
    shortened,
    space_colour,
    styled,
)


@pytest.mark.parametrize(("colours", "most"), [(200, 0), (2000, 24)])
def test_pixels_of_a_few_hundred_colours_are_kept_and_many_come_near(
    tmp_path: Path, colours: int, most: int
) -> None:
    figure = new_figure(2)
    values = np.random.default_rng(0).integers(0, colours, (64, 64))
    with mpl.rc_context({"image.interpolation": "none"}):
        figure.subplots().imshow(values, cmap=mpl.colormaps["viridis"].resampled(colours))
    save_figure(figure, tmp_path / "a.svg")
    (png,) = re.findall(r'data:image/png;base64,([^"]+)"', (tmp_path / "a.svg").read_text(encoding="utf-8"))
    with Image.open(BytesIO(b64decode(png))) as image:
        assert image.mode == "P"
        shown = np.asarray(image.convert("RGBA"), float)[..., :3]
    expected = mpl.colormaps["viridis"].resampled(colours)(values)[..., :3] * 255
    assert np.abs(np.flipud(shown) - expected).max() <= most + 1 or np.abs(shown - expected).max() <= most + 1


def test_file_is_the_same_twice_and_follows_the_colour_scheme(tmp_path: Path, rsa: pd.DataFrame) -> None:
    settings = dict(mpl.rcParams)
    for name in ("one.svg", "two.svg"):
        save_figure(statistics.rsa_bars(rsa, {}), tmp_path / name)
    content = (tmp_path / "one.svg").read_bytes()
    assert content == (tmp_path / "two.svg").read_bytes()
    assert dict(mpl.rcParams) == settings
    drawing = content.decode()
    assert ET.fromstring(drawing).tag.endswith("svg")  # noqa: S314
    assert f"prefers-color-scheme:dark){{svg{{color:#e4e9ed;background:{DARK_PAPER}" in drawing
    assert drawing.count("#1f2a33") == 1  # in the style sheet alone
    assert "<dc:date>" not in drawing
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.svg", "two.svg"]


def test_groups_and_spaces_never_share_a_colour() -> None:
    assert not {*GROUP_COLOURS.values()} & {*SPACE_COLOURS.values()}


def test_settings_are_put_back_after_a_plot_that_failed() -> None:
    settings = dict(mpl.rcParams)

    @styled
    def plot() -> None:
        assert mpl.rcParams["text.color"] == INK
        raise ValueError("no data")

    for _ in range(2):
        with pytest.raises(ValueError, match="no data"):
            plot()
    assert dict(mpl.rcParams) == settings


def test_long_names_are_folded_and_their_lines_kept() -> None:
    assert folded("a name of many words\nlinear") == "a name of many\nwords\nlinear"


def test_of_names_without_end_beginning_and_end_are_shown() -> None:
    name = "University Hospital of Aberystwyth on Sea, Scanner"
    assert folded(f"{name} 1", 20, 2) == "University Hospital\n…on Sea, Scanner 1"
    assert folded(f"{name} 12", 20, 1) == "Universit…12"
    assert shortened(f"{name} 2", 28) == "University Ho…Scanner 2"
    assert shortened("x" * 40, 9) == "xxxx…xxxx"
    assert shortened("short", 5) == "short"


def test_a_legend_names_what_has_a_label() -> None:
    figure = new_figure(2)
    legend_above(figure, [Line2D([], [], label="held out"), Line2D([], [], label="trained on")], 2)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["held out", "trained on"]


def test_an_unknown_space_is_gray() -> None:
    assert space_colour("another") not in SPACE_COLOURS.values()


@pytest.mark.parametrize("label", ["$10,000-$24,999", "$\\notacommand$", "$a_$", "x$$y", "Site $1", "<b>&"])
def test_a_label_is_text_and_no_formula(tmp_path: Path, label: str) -> None:
    @styled
    def plot() -> None:
        figure = new_figure(2)
        figure.subplots().set_title(label)
        save_figure(figure, tmp_path / "a.svg")

    plot()
    assert ET.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")  # noqa: S314
