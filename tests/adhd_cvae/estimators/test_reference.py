"""Healthy anatomy as a scikit-learn estimator."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from adhd_cvae.estimators import LinearContrast, ReferenceBackground
from adhd_cvae.estimators.reference import merged_reference


@parametrize_with_checks([ReferenceBackground(least_participants=2)])  # the checks have fewer than 200
def test_scikit_learn_finds_nothing(estimator, check):
    check(estimator)


def test_a_saved_reference_is_borrowed_from_its_folder(cohort, tmp_path):
    values, is_target, _, healthy = cohort
    reference = ReferenceBackground().fit(healthy, sites=np.arange(500) % 4)
    reference.save(tmp_path)
    there, here = (
        LinearContrast(2, 3, background_from=[one]).fit(values[:40], is_target[:40]).transform(values)
        for one in (tmp_path, reference)
    )
    assert np.array_equal(there, here)
    both = reference.merge([ReferenceBackground.load(tmp_path)])
    assert both.reference_.count == 1000


def test_several_are_put_together_and_none_is_none(cohort):
    healthy = cohort[3]
    parts = [ReferenceBackground(least_participants=100).fit(part) for part in (healthy[:200], healthy[200:])]
    merged = merged_reference(parts, 90)
    assert merged is not None
    assert merged.count == 500
    assert merged_reference([], 90) is None


def test_too_few_healthy_are_refused(cohort):
    with pytest.raises(ValueError, match=r"n_samples = 50 healthy"):
        ReferenceBackground().fit(cohort[3][:50])
