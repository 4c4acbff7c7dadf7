"""Codes stay as they are written; shares and sizes have their bounds."""

import pytest
from pydantic import ValidationError

from adhd_cvae.config.cohort import CohortConfig


def test_codes_are_numbers_or_words_as_they_are_written():
    settings = CohortConfig.model_validate({"target": [1, "3", "ADHD"], "background": ["0"]})
    assert settings.target == (1, "3", "ADHD")
    assert settings.background == ("0",)
    yaml = CohortConfig.model_validate({"target": [True], "background": [0.0]})
    assert [type(code) for code in (*yaml.target, *yaml.background)] == [bool, float]
    assert CohortConfig.model_validate_json(yaml.model_dump_json()) == yaml
    with pytest.raises(ValidationError):
        CohortConfig.model_validate({"target": [None]})


def test_sites_matching_and_a_cap_may_be_left_out():
    settings = CohortConfig.model_validate({"site": None, "match": [], "max_ratio": None})
    assert (settings.site, settings.match, settings.max_ratio) == (None, (), None)
    assert CohortConfig.model_validate({"max_ratio": 1}).max_ratio == 1


def test_folds_are_a_number_or_the_sites():
    for folds in (2, 10, "leave_site_out"):
        assert CohortConfig.model_validate({"folds": folds}).folds == folds
    assert CohortConfig().folds == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("test_fraction", 0.25),
        ("folds", 1),
        ("folds", "leave_one_out"),
        ("fold_groups", 3),
        ("caliper", 0),
        ("max_ratio", 0.9),
        ("minimum_group", 1),
        ("linear_participants", 0),
        ("kind_coverage", 0),
        ("kind_coverage", 1.1),
        ("foreign_share", 0),
        ("tiv_source", "total_grey_matter"),
        ("tiv_bounds", (2500, 500)),
        ("tiv_bounds", (0, 500)),
        ("match", "age"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name(name, value):
    with pytest.raises(ValidationError) as refused:
        CohortConfig.model_validate({name: value})
    assert {error["loc"][0] for error in refused.value.errors()} == {name}


@pytest.mark.parametrize("other", [{"harmonise": "combat"}, {"residualise": True}])
def test_what_is_borrowed_is_for_maps_as_they_are(other):
    assert CohortConfig.model_validate({"background_from": ["pool"]}).background_from == ("pool",)
    with pytest.raises(ValidationError, match=f"{next(iter(other))} changes this cohort's; expected one"):
        CohortConfig.model_validate({"background_from": ["pool"], **other})
