"""What was borrowed and what it changed, where it is known what helps."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis.background import BACKGROUND_COLUMNS, Truth, background_table, gain
from adhd_cvae.analysis.group_measures import Groups, pairwise_auc
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.recovery import Scoring
from adhd_cvae.analysis.refits import Fold, Refit
from adhd_cvae.config import LinearConfig, ModelConfig
from adhd_cvae.models.reference_background import borrowed, fit_reference

SIZE, COUNT = 40, 80
MODEL = ModelConfig(salient=2, background=6, linear=LinearConfig(choice_repeats=1, choice_folds=3))
SPREAD = np.geomspace(6, 0.3, SIZE)
"""Of healthy anatomy along each coordinate: what patients have lies where it varies little."""


def sample(count, seed):
    return np.random.default_rng(seed).normal(size=(count, SIZE)) * SPREAD


@pytest.fixture(scope="module")
def cohort():
    is_target = np.arange(COUNT) % 2 == 0
    severity = np.where(is_target, np.random.default_rng(101).normal(1.2, 0.6, COUNT), 0)
    values = sample(COUNT, 102)
    values[:, -6:] += 0.5 * severity[:, None]
    return values, is_target, severity


def asked_of(cohort, *, lends=True):
    values, is_target, _ = cohort
    healthy = fit_reference(sample(1500, 103))
    reference = borrowed(healthy, np.arange(SIZE), np.zeros(SIZE), np.ones(SIZE)) if lends else None
    numbers = np.arange(COUNT) // 2 % 4
    folds = [
        Fold(values, np.flatnonzero(numbers != one), numbers == one, None, reference) for one in range(4)
    ]
    refit = Refit(folds, None, MODEL, 0)
    return refit, Groups(is_target, numbers, None, np.zeros((COUNT, 0)))


@pytest.fixture(scope="module")
def table(cohort):
    planted = pd.DataFrame({"severity": cohort[2]})
    truth = Truth(planted, Scoring(folds=4, shuffles=2, minimum=8))
    return background_table(*asked_of(cohort), Inference(0, 50, 0), truth)


def test_with_it_and_without_it_are_what_the_models_of_folds_tell(table, cohort):
    groups = asked_of(cohort)[1]
    both = table[table["fold"].isna()].set_index("form")
    assert list(table) == BACKGROUND_COLUMNS
    assert list(both.index) == ["with", "without"]
    for form, lends in (("with", True), ("without", False)):
        scores = asked_of(cohort, lends=lends)[0].scores(groups.is_target)["salient"]
        assert both.loc[form, "auc"] == pytest.approx(pairwise_auc(scores, groups.is_target, groups.fold))
    assert both.loc["with", "auc"] > both.loc["without", "auc"]
    assert both.loc["with", "recovery"] > both.loc["without", "recovery"]
    assert both["stability"].between(-1, 1).all()
    assert (both["ci_low"] < both["auc"]).all()


def test_every_form_of_a_fold_has_a_row_and_the_one_taken_is_first(table):
    forms = table[table["fold"].notna()]
    for _, part in forms.groupby("fold"):
        assert sorted(part["form"]) == ["borrowed", "borrowed", "own", "start"]
        assert part["taken"].tolist() == [1, 0, 0, 0]
        assert part["training_auc"].iloc[1:].is_monotonic_decreasing
        assert part.set_index("form")["share"].notna().tolist() == (part["form"] == "borrowed").tolist()
    assert forms.loc[forms["form"] == "start", ["weight", "log_likelihood"]].isna().all(axis=None)


def test_the_gain_is_said_in_a_line(table):
    line = gain(table)
    assert line.startswith("taken in 4 of 4 folds, weight ")
    assert "patients told from controls by s 0." in line
    assert "recovery of the planted" in line


def test_without_a_truth_and_without_a_choice_only_the_rest_is_said(cohort):
    found = background_table(*asked_of(cohort, lends=False), Inference(0, 0, 0), None)
    assert found["form"].tolist() == ["with", "without"]
    assert found["recovery"].isna().all()
    assert found.loc[0, "auc"] == found.loc[1, "auc"]
    assert "taken in 0 of 0 folds; patients" in gain(found)
