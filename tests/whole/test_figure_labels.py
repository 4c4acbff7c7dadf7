"""No label of a figure lies over another or is cut off: one to forty sites or levels, with long names."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from adhd_cvae.figures import brain, cohort, latents, sensitivity, statistics

SPACES = ("salient", "background", "vae")
LEAST = 1.5
"""Pixels, at 100 an inch, by which two labels may meet."""


def flaws(figure: Figure) -> list[str]:
    """Pairs of labels that lie over one another, and labels beyond the figure's edge."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    hidden = _hidden(figure)
    boxes = [
        (text.get_text(), text.get_window_extent(canvas.get_renderer()))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text not in hidden
    ]
    over = [
        f"{one!r} over {other!r}"
        for (one, a), (other, b) in combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > LEAST and min(a.y1, b.y1) - max(a.y0, b.y0) > LEAST
    ]
    edge = figure.bbox
    beyond = [
        f"{words!r} beyond the edge"
        for words, box in boxes
        if min(box.x0 - edge.x0, box.y0 - edge.y0, edge.x1 - box.x1, edge.y1 - box.y1) < -LEAST
    ]
    return over + beyond


def _hidden(figure: Figure) -> set[Text]:
    """Labels that are there and not shown: of ticks beyond the limits, and of axes that are off."""
    hidden: set[Text] = set()
    for axes in figure.findobj(Axes):
        for axis, side, limits in ((axes.xaxis, 0, axes.get_xlim()), (axes.yaxis, 1, axes.get_ylim())):
            labels = [axis.label]
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                for label in (tick.label1, tick.label2):
                    if axes.axison and min(limits) <= label.get_position()[side] <= max(limits):
                        continue
                    labels.append(label)
            hidden.update(labels if not axes.axison else labels[1:])
    return hidden


def names(size: int) -> dict[str, str]:
    return {str(code): f"University Hospital of Somewhere on Sea, Scanner {code}" for code in range(size)}


def people(size: int) -> pd.DataFrame:
    """One participant of each group at each site."""
    rng = np.random.default_rng(size)
    sites = np.repeat(np.arange(size), 2)
    groups = np.where(np.arange(2 * size) % 2 == 0, "target", "background")
    ids = [f"sub-{row}" for row in range(2 * size)]
    ages = rng.uniform(7, 90, 2 * size)
    return pd.DataFrame({"participant_id": ids, "site": sites, "group": groups, "age": ages, "sex": sites})


def variables(size: int, column: str = "variable", **values: object) -> pd.DataFrame:
    rows = [(space, f"a variable with a long name {row}") for space in SPACES for row in range(size)]
    return pd.DataFrame(rows, columns=["space", column]).assign(**values)


def sites(size: int) -> Figure:
    return cohort.site_counts(people(size), "site", names(size))


def age_and_sex(size: int) -> Figure:
    return cohort.age_and_sex(people(size), names(size))


def exclusions(size: int) -> Figure:
    reasons = [f"a_reason_with_a_long_name_{row}" for row in range(size)]
    return cohort.exclusion_counts(pd.DataFrame({"stage": "prepare", "reason": reasons}))


def umap(size: int) -> Figure:
    table = people(size)
    places = table[["participant_id"]].assign(umap_1=np.arange(2 * size), umap_2=np.arange(2 * size) % 7)
    scales = {"site": "nominal", "age": "ratio", "sex": "nominal"}
    labels = {"site": "Site where the participant was scanned", "age": "Age", "sex": "Sex"}
    return latents.umap_by_variable(places, table, scales, labels, {"site": names(size), "sex": names(size)})


def scores(size: int) -> Figure:
    return latents.held_out_scores(people(size).rename(columns={"site": "fold", "age": "score"}))


def rsa(size: int) -> Figure:
    table = variables(size, tau=0.1, ci_low=0.05, ci_high=0.15, null_sd=0.02, p_fdr=0.01)
    return statistics.rsa_bars(table, {})


def silhouette(size: int) -> Figure:
    return statistics.silhouette_bars(variables(size, silhouette=-0.1, p_value=0.01), {})


def probes(size: int) -> Figure:
    table = variables(size, "target", probe="linear", metric="balanced_accuracy", score=0.6, null_p95=0.7)
    return statistics.probe_scores(table, {})


def harmonised(size: int) -> Figure:
    table = variables(size, "row", score=0.6, null_mean=0.5, null_p95=0.6)
    table = pd.concat([table.assign(stage=stage) for stage in ("before", "after")])
    return statistics.harmonisation_scores(table, {"before": "before", "after": "after"})


def components(size: int) -> Figure:
    rows = [(component, str(site)) for component in (1, 2, 3) for site in range(size)]
    table = pd.DataFrame(rows, columns=["component", "left_out"])
    return brain.components_by_site(
        table.assign(explained=0.4, explained_own=0.5, explained_others=0.45), names(size)
    )


def power(size: int) -> Figure:
    panels = [f"Severity of a structure with a long name {row}" for row in range(min(size, 10))]
    rows = [(panel, n, d) for panel in panels for n in (40, 80, 160) for d in (0.5, 1.0)]
    table = pd.DataFrame(rows, columns=["panel", "n", "cohens_d"]).assign(borrowed=0, extrapolated=0)
    return sensitivity.power_curves(
        table.assign(significant=0.5, significant_low=0.3, significant_high=0.7), 80
    )


def false_positives(size: int) -> Figure:
    tests = [f"r of a_severity_with_a_long_name_{row}" for row in range(size)]
    return sensitivity.false_positives(
        pd.DataFrame({"test": tests, "below": 0.05, "ci_low": 0.01, "ci_high": 0.2, "borrowed": 0})
    )


FIGURES: tuple[Callable[[int], Figure], ...] = (
    *(sites, age_and_sex, exclusions, umap, scores, rsa, silhouette, probes, harmonised, components, power),
    false_positives,
)


@pytest.mark.parametrize("size", [1, 2, 10, 40])
@pytest.mark.parametrize("plot", FIGURES, ids=lambda plot: plot.__name__)
def test_no_label_lies_over_another_or_beyond_the_edge(plot: Callable[[int], Figure], size: int) -> None:
    assert flaws(plot(size)) == []


def test_labels_that_lie_over_one_another_are_found() -> None:
    figure = Figure(figsize=(3, 1))
    figure.text(0.1, 0.5, "a long label")
    figure.text(0.2, 0.5, "another one")
    figure.text(0.95, 0.1, "beyond")
    assert flaws(figure) == ["'a long label' over 'another one'", "'beyond' beyond the edge"]
