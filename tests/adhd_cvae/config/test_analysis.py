"""Claims say one thing; sizes and shares have their bounds."""

import pytest
from pydantic import ValidationError

from adhd_cvae.config.analysis import (
    AnalysisConfig,
    Claim,
    MapsConfig,
    PartialConfig,
    SizesConfig,
    Variable,
)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"name": "age"},
        {"columns": ["age"]},
        {"name": "age", "one_cluster": True},
        {"name": "age", "columns": ["age"], "one_cluster": True},
        {"columns": ["age"], "one_cluster": True},
    ],
)
def test_a_claim_that_says_nothing_half_or_two_things_is_refused(content):
    with pytest.raises(ValidationError, match="name and columns belong together"):
        Claim.model_validate({"space": "salient", **content})


def test_a_claim_is_of_a_relation_or_of_one_cluster_in_a_known_space():
    relation = Claim(space="background", name="age", columns=("age", "Age"))
    assert (relation.columns, relation.one_cluster) == (("age", "Age"), False)
    assert Claim(space="salient", one_cluster=True).columns == ()
    with pytest.raises(ValidationError, match="'salient' or 'background'"):
        Claim.model_validate({"space": "shared", "one_cluster": True})


def test_a_variable_has_a_name_and_a_scale():
    assert Variable(name="age", scale="ratio").name == "age"
    with pytest.raises(ValidationError, match="'ratio' or 'nominal'"):
        Variable.model_validate({"name": "age", "scale": "ordinal"})
    with pytest.raises(ValidationError, match="Field required"):
        Variable.model_validate({"name": "age"})


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (SizesConfig, "minimum", 2),
        (SizesConfig, "minimum_class", 0),
        (SizesConfig, "minimum_patients", 2),
        (SizesConfig, "all_pairs", 2),
        (SizesConfig, "sampled_levels", 1),
        (SizesConfig, "partial", 2),
        (PartialConfig, "neighbours", 1),
        (PartialConfig, "degree", 0),
        (PartialConfig, "value_degree", 0),
        (PartialConfig, "levels", 1),
        (MapsConfig, "label_distance", -1),
        (AnalysisConfig, "permutations", 0),
        (AnalysisConfig, "folds", 1),
        (AnalysisConfig, "active_variance", -0.1),
        (AnalysisConfig, "umap_neighbours", 1),
        (AnalysisConfig, "out_of_distribution", 0),
        (AnalysisConfig, "out_of_distribution", 100.1),
        (AnalysisConfig, "variables", [{"name": "age"}]),
        (AnalysisConfig, "batteries", {"pc": "age"}),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name(section, name, value):
    with pytest.raises(ValidationError) as refused:
        section.model_validate({name: value})
    assert {error["loc"][0] for error in refused.value.errors()} == {name}


def test_nothing_is_analysed_unless_it_is_asked_for():
    settings = AnalysisConfig()
    assert (settings.variables, settings.batteries, settings.claims) == ((), {}, ())
    assert AnalysisConfig().batteries is not settings.batteries
