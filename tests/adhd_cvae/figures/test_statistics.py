"""Every figure draws from its table alone, shows what the table says, and survives degenerate tables."""

import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from adhd_cvae.figures import brain, statistics, training
from adhd_cvae.figures import cohort as run_figures
from adhd_cvae.figures import latents as latent_figures
from adhd_cvae.figures.style import DARK_PAPER, GROUP_COLOURS, SPACE_COLOURS, save_figure
from adhd_cvae.names import code_label, signed

SHAPE = (14, 17, 14)
AFFINE = np.array([[11.0, 0, 0, -72], [0, 11.0, 0, -106], [0, 0, 11.0, -62], [0, 0, 0, 1]])


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def bar_lengths(figure: Figure, colour: str) -> list[float]:
    patches = [patch for axes in figure.axes for patch in axes.patches]
    return [patch.get_width() for patch in patches if to_hex(patch.get_facecolor()).upper() == colour.upper()]


@pytest.fixture
def cohort() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{number}" for number in range(8)],
            "group": ["target"] * 3 + ["background"] * 5,
            "split": ["train", "test"] * 4,
            "site": [1.0, 1, 2, 1, 2, 2, 3, 3],
            "age": [8, 9.5, 12, 10, np.nan, 13, 9, 11],
            "sex": [1, 1, 0, 0, 1, np.nan, 0, 0],
        }
    )


@pytest.fixture
def rsa() -> pd.DataFrame:
    rows = [
        ("salient", "age", 0.20, 0.15, 0.25, 0.02, 0.004),
        ("background", "age", -0.05, -0.09, 0.01, 0.02, 0.20),
        ("salient", "adhd_index", np.nan, np.nan, np.nan, np.nan, np.nan),
        ("background", "adhd_index", 0.01, -0.02, 0.04, 0.02, 0.90),
    ]
    return pd.DataFrame(rows, columns=["space", "variable", "tau", "ci_low", "ci_high", "null_sd", "p_fdr"])


def test_flow_counts_each_group_and_split(cohort: pd.DataFrame) -> None:
    words = " ".join(words_of(run_figures.participant_flow(11, 3, cohort)))
    assert "11 participants found" in words
    assert "3 left out" in words
    assert "5 controls\n2 trained on, 3 held out" in words


def test_site_of_one_group_is_marked(cohort: pd.DataFrame) -> None:
    figure = run_figures.site_counts(cohort, "site", {"3": "Elsewhere"})
    assert "Elsewhere *" in words_of(figure)
    assert "1" in words_of(figure)
    assert sorted(bar_lengths(figure, GROUP_COLOURS["target"])) == [0, 1, 2]


def test_age_and_sex_are_shares_of_each_group(cohort: pd.DataFrame) -> None:
    figure = run_figures.age_and_sex(cohort, {"0": "female", "1": "male"})
    heights = [patch.get_height() for patch in figure.axes[1].patches]
    assert heights == pytest.approx([100 / 3, 200 / 3, 75, 25])
    assert "male" in words_of(figure)


def test_exclusions_are_counted_without_names() -> None:
    table = pd.DataFrame({"participant_id": ["sub-1", "sub-2"], "stage": "prepare", "reason": "no_map"})
    words = words_of(run_figures.exclusion_counts(table))
    assert "no map\n(prepare)" in words
    assert "2" in words
    assert not any("sub-" in word for word in words)


def history(models: tuple[str, ...]) -> pd.DataFrame:
    epochs = np.arange(1, 6)
    tables = [
        pd.DataFrame(
            {"model": model, "epoch": epochs, "train_loss": 9 / epochs, "test_loss": [5, 4, 3, 3.5, 4]}
        )
        for model in models
    ]
    return pd.concat(tables).assign(reconstruction=1.0, kl_salient=np.nan, critic_accuracy=0.5)


def test_training_marks_the_epoch_that_was_kept() -> None:
    figure = training.training_losses(history(("cvae", "vae")))
    assert len(figure.axes) == 2
    best = [line for line in figure.axes[0].lines if line.get_label() == "lowest"]
    assert best[0].get_xydata().tolist() == [[3.0, 3.0]]
    validated = history(("cvae",)).assign(validation_loss=[6, 2, 3, 4, 5])
    lines = training.training_losses(validated).axes[0].lines
    assert [line.get_xydata().tolist() for line in lines if line.get_label() == "lowest"] == [[[2.0, 2.0]]]


def test_training_terms_leave_out_what_was_not_recorded() -> None:
    words = words_of(training.training_terms(history(("cvae",))))
    assert "unexplained variance" in words
    assert "KL of s" not in words


def test_training_terms_without_a_weight_are_not_drawn() -> None:
    rows = history(("cvae",)).assign(hsic=0.1, salient_mmd_of_background=0.0)
    words = words_of(training.training_terms(rows))
    assert "dependence of s and z (HSIC)" in words
    assert "controls' s from 0 (MMD²)" not in words


def test_similarity_star_only_below_corrected_threshold(rsa: pd.DataFrame) -> None:
    figure = statistics.similarity_bars(rsa, {"adhd_index": "ADHD Index"})
    words = words_of(figure)
    assert words.count("★") == 1
    assert "ADHD Index" in words
    assert " n/a" in words
    assert bar_lengths(figure, SPACE_COLOURS["salient"]) == pytest.approx([0.20])


def test_similarity_band_is_the_null(rsa: pd.DataFrame) -> None:
    figure = statistics.similarity_bars(rsa.assign(null_mean=0.01), {})
    bands = [patch for patch in figure.axes[0].patches if patch.get_alpha() == 0.45]
    assert bands[0].get_x() == pytest.approx(0.01 - 1.96 * 0.02)
    assert bands[0].get_width() == pytest.approx(2 * 1.96 * 0.02)


def test_silhouette_star_follows_p() -> None:
    table = pd.DataFrame(
        {"space": ["salient", "vae"], "variable": "sex", "silhouette": [-0.02, 0.1], "p_value": [0.5, 0.01]}
    )
    assert words_of(statistics.silhouette_bars(table, {})).count("★") == 1


def test_mixture_marks_the_lowest_point_and_skips_missing() -> None:
    table = pd.DataFrame(
        {
            "space": "salient",
            "covariance": ["full"] * 3 + ["tied"],
            "k": [1, 2, 3, 1],
            "bic": [5, 3, 4, np.nan],
        }
    )
    figure = statistics.mixture_curves(table)
    dots = [line.get_xydata().tolist() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert dots == [[[2.0, 3.0]]]


def test_probes_have_a_panel_a_metric() -> None:
    table = pd.DataFrame(
        {
            "space": ["salient", "background"],
            "target": ["age", "sex"],
            "probe": "linear",
            "metric": ["r", "balanced_accuracy"],
            "score": [0.2, 0.6],
            "null_p95": [0.1, np.nan],
        }
    )
    figure = statistics.probe_scores(table, {})
    assert [axes.get_xlabel() for axes in figure.axes] == ["r", "balanced accuracy"]


def test_recovery_shows_correlations_of_each_way() -> None:
    rows = [("striatal", "salient", "test", "r", 0.8), ("striatal", "salient", "test", "r2", 0.6)]
    rows += [("striatal", "pca", "train", "r", np.nan)]
    table = pd.DataFrame(rows, columns=["factor", "space", "split", "metric", "score"])
    words = words_of(statistics.recovery_bars(table))
    assert "0.80" in words
    assert "0.60" not in words


@pytest.fixture
def umap(cohort: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    places = pd.DataFrame(rng.normal(size=(16, 2)), columns=["umap_1", "umap_2"])
    return places.assign(
        participant_id=[*cohort["participant_id"]] * 2,
        space=["salient"] * 8 + ["vae"] * 8,
        trustworthiness=0.9,
    )


def test_umap_has_a_panel_a_space(umap: pd.DataFrame, cohort: pd.DataFrame) -> None:
    figure = latent_figures.umap_by_group(umap, cohort)
    assert [axes.get_title("left") for axes in figure.axes] == ["salient s", "plain VAE"]
    assert "trustworthiness 0.90" in words_of(figure)


def test_umap_by_variable_shows_missing_values_apart(umap: pd.DataFrame, cohort: pd.DataFrame) -> None:
    rows = umap[umap["space"] == "salient"]
    figure = latent_figures.umap_by_variable(rows, cohort, {"age": "ratio", "sex": "nominal"}, {}, {})
    missing, known = figure.axes[0].collections[:2]
    assert len(missing.get_offsets()) == 1
    assert len(known.get_offsets()) == 7


def test_long_names_leave_room_for_the_points(umap: pd.DataFrame, cohort: pd.DataFrame) -> None:
    rows = umap[umap["space"] == "salient"]
    names = {str(code): f"A university with a very long name {code}" for code in (1, 2, 3)}
    scales = dict.fromkeys(("site", "sex", "age"), "nominal") | {"age": "ratio"}
    figure = latent_figures.umap_by_variable(rows, cohort, scales, {}, {"site": names})
    figure.canvas.draw()
    for axes in figure.axes[:3]:
        assert axes.get_window_extent().width / figure.bbox.width > 0.3


@pytest.mark.parametrize("units", [1, 2])
def test_salient_units(units: int, cohort: pd.DataFrame) -> None:
    latents = cohort[["group"]].assign(**{f"s_{unit:02d}": np.arange(8.0) for unit in range(units)})
    assert "patients" in words_of(latent_figures.salient_scatter(latents))


def test_reconstruction_errors_tell_splits_apart() -> None:
    errors = pd.DataFrame({"split": ["train", "test"], "model": [0.1, 0.2], "pca": [0.15, 0.18]})
    assert {"trained on", "held out", "equal"} <= set(words_of(latent_figures.reconstruction_errors(errors)))


@pytest.fixture
def mask() -> np.ndarray:
    grid = np.indices(SHAPE) - (np.array(SHAPE)[:, None, None, None] - 1) / 2
    return ((grid**2).sum(axis=0) < 40).astype(np.uint8)


def test_axial_slice_has_left_on_the_left_and_front_up() -> None:
    volume = np.zeros(SHAPE)
    volume[0, -1, 5] = 1  # leftmost, foremost in RAS
    z = AFFINE[2, 3] + 5 * 11
    upright = brain._axial(volume, AFFINE, z)
    assert upright[-1, 0] == 1
    flipped = AFFINE @ np.diag([-1, 1, 1, 1])
    flipped[0, 3] = AFFINE[0, 3] + 11 * (SHAPE[0] - 1)
    assert brain._axial(volume[::-1], flipped, z)[-1, 0] == 1


def test_brain_mosaics(mask: np.ndarray) -> None:
    voxels = int(mask.sum())
    examples = np.random.default_rng(0).random((2, 4, voxels), dtype=np.float32)
    figure = brain.reconstructions(examples, ["patient 1", "control 1"], mask, AFFINE)
    assert {"observed", "patient 1", "control 1"} <= set(words_of(figure))
    changes = np.zeros((1, 3, voxels), dtype=np.float32)
    changes[0, 2, voxels // 2] = 0.1
    figure = brain.traversals(changes, np.array([[-1.0, 0, 1]]), examples[0, 0], mask, AFFINE)
    peak = np.argwhere(mask)[voxels // 2]
    assert signed(f"s_00, z = {AFFINE[2, 3] + 11 * peak[2]:g} mm") in words_of(figure)


def test_template_maps_say_where_they_are(mask: np.ndarray) -> None:
    volume = np.where(mask, 0.05, 0).astype(np.float32)
    figure = brain.template_maps({"one": volume, "none": 0 * volume}, AFFINE, "change")
    words = words_of(figure)
    assert {"one", "none", "z = 3 mm", "z = −30 mm", "change"} <= set(words)


def test_file_is_the_same_twice_and_follows_the_colour_scheme(tmp_path: Path, rsa: pd.DataFrame) -> None:
    settings = dict(mpl.rcParams)
    for name in ("one.svg", "two.svg"):
        save_figure(statistics.similarity_bars(rsa, {}), tmp_path / name)
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


@pytest.mark.parametrize(
    ("code", "words"), [(3.0, "KKI"), (3, "KKI"), ("3", "KKI"), (0.5, "0.5"), ("L", "L")]
)
def test_codes_become_words(code: object, words: str) -> None:
    assert code_label(code, {"3": "KKI"}) == words
