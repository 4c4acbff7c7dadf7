"""What sensitivity plants, and in how many cohorts."""

import pytest
from pydantic import ValidationError

from adhd_cvae.config import Region, SensitivityConfig


@pytest.mark.parametrize("where", [{}, {"centres": ((0, 0, 0),), "labels": (1,)}])
def test_a_region_is_at_centres_or_in_labels(where):
    with pytest.raises(ValidationError, match="expected centres, or labels"):
        Region(**where)


def test_something_is_planted():
    with pytest.raises(ValidationError, match="severities"):
        SensitivityConfig(severities={})


def test_a_first_answer_asks_for_some_of_the_cohorts():
    every = SensitivityConfig()
    few = every.first_answer()
    assert set(few.cohens_d) < set(every.cohens_d)
    assert few.fractions == (1.0,)
    assert few.cohorts < every.cohorts
    assert few.null_cohorts < every.null_cohorts
    assert few.severities == every.severities


def test_a_first_answer_asks_for_no_more_than_was_asked():
    one = SensitivityConfig(cohens_d=(0.8,), cohorts=5, null_cohorts=20)
    few = one.first_answer()
    assert (few.cohens_d, few.cohorts, few.null_cohorts) == ((0.8,), 5, 20)
