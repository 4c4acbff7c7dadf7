"""Which form of the linear model a cohort is given."""

import numpy as np
import pytest

from adhd_cvae.config import ModelConfig
from adhd_cvae.models import form_choice
from adhd_cvae.models.form_choice import BORROWED, OWN, START, compared_forms, in_words
from adhd_cvae.models.reference_background import borrowed, fit_reference

CONFIG = ModelConfig(salient=3, background=6, correction=False)
FEATURES = 120


@pytest.fixture
def anatomy(rng):
    """Participants whose features have a few strong common causes, and patients who lose what these hide."""
    loadings = rng.standard_normal((40, FEATURES)) * np.linspace(3, 0.3, 40)[:, None]
    effect = rng.standard_normal(FEATURES)
    effect -= effect @ np.linalg.pinv(loadings[:10]) @ loadings[:10]

    def simulate(count, *, own=loadings):
        is_target = np.arange(count) % 2 == 1
        values = rng.standard_normal((count, len(own))) @ own + 0.3 * rng.standard_normal((count, FEATURES))
        return values - 0.3 * np.outer(is_target * rng.gamma(2, 0.5, count), effect), is_target

    return simulate


def compared(values, is_target, healthy, config=CONFIG, **how):
    own = values.mean(axis=0), values.std(axis=0)
    standard = (values - own[0]) / own[1]
    reference = borrowed(fit_reference(healthy), np.arange(FEATURES), *own)
    return compared_forms(config, standard, is_target, reference, **how)


def test_a_fitting_reference_is_borrowed_and_a_foreign_one_is_not(anatomy, rng):
    values, is_target = anatomy(60)
    healthy = anatomy(1200)
    fitting = compared(values, is_target, healthy[0][~healthy[1]])
    assert fitting[0].name == BORROWED
    foreign = anatomy(600, own=rng.standard_normal((100, FEATURES)) * np.linspace(4, 0.1, 100)[:, None])[0]
    best = {form.name: form.separation for form in reversed(compared(values, is_target, foreign))}
    assert best[BORROWED] < fitting[0].separation - 0.05


@pytest.mark.parametrize(
    ("gains", "taken"),
    [((0.01, 0.01, 0.01, 0.02), BORROWED), ((0.2, -0.1, 0.1, -0.1), START), ((0.0, 0.0, 0.0, 0.0), START)],
)
def test_borrowing_has_to_tell_the_groups_better_by_a_standard_error(anatomy, monkeypatch, gains, taken):
    def areas(config, method, *others):
        return 0.7 + (np.array(gains) if getattr(method, "reference", None) else 0)

    monkeypatch.setattr(form_choice, "_areas_held_out", areas)
    forms = compared(*anatomy(40), anatomy(300)[0])
    assert forms[0].name == taken
    others = [form.separation for form in forms[1:]]
    assert others == sorted(others, reverse=True)
    assert ("by a standard error" in in_words(forms)) == (taken == START and sum(gains) > 0)


@pytest.mark.parametrize(("participants", "taken"), [(12, BORROWED), (8, START)])
def test_groups_too_small_to_hold_anybody_out_borrow_nothing(anatomy, monkeypatch, participants, taken):
    def areas(config, method, *others):
        return np.full(1 if participants == 8 else 10, 0.9 if getattr(method, "reference", None) else 0.7)

    monkeypatch.setattr(form_choice, "_areas_held_out", areas)
    assert compared(*anatomy(participants), anatomy(300)[0])[0].name == taken


def test_each_form_is_there_with_its_likelihood_and_the_best_comes_first(anatomy):
    values, is_target = anatomy(40)
    forms = compared(values, is_target, anatomy(300)[0], sites=np.arange(40) % 4 // 2)
    assert sorted(form.name for form in forms) == [BORROWED, BORROWED, OWN, START]
    others = [form.separation for form in forms[1:]]
    assert others == sorted(others, reverse=True)
    assert forms[0].separation >= others[0] or forms[0].name != BORROWED
    assert all(np.isnan(form.log_likelihood) == (form.name == START) for form in forms)


def test_the_same_participants_choose_the_same(anatomy):
    values, is_target = anatomy(40)
    healthy = anatomy(300)[0]
    first, again = (compared(values, is_target, healthy, seed=3) for _ in range(2))
    assert [(one.name, one.separation) for one in first] == [(one.name, one.separation) for one in again]


def test_the_form_taken_and_what_each_reached_are_put_in_words(anatomy):
    values, is_target = anatomy(40)
    forms = compared(values, is_target, anatomy(300)[0])
    shown, asked = in_words(forms).split("; ")
    assert shown == f"form taken: {forms[0].in_words}"
    assert asked.count(f"{BORROWED} (weight ") == 2
    assert f"{START} {next(form for form in forms if form.name == START).separation:.2f}" in asked
    assert in_words([]) == ""


@pytest.mark.parametrize(("most", "forms"), [(6.0, {START, OWN, BORROWED}), (5.9, {START, BORROWED})])
def test_own_covariance_is_no_form_where_features_are_far_more_than_controls(anatomy, most, forms):
    values, is_target = anatomy(40)  # 20 controls, 120 features
    config = CONFIG.model_copy(update={"linear": CONFIG.linear.model_copy(update={"own_features": most})})
    assert {form.name for form in compared(values, is_target, anatomy(300)[0], config)} == forms
