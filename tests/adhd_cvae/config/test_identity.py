"""What tells two recipes apart: renamed settings by their old names, later ones where they are no default."""

import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.config.identity import identity


def of(**settings):
    return identity(Recipe.model_validate(settings))


def test_renamed_settings_count_by_the_names_of_version_0_1():
    objective = of(objective={"salient_of_background": 7.0})["objective"]
    assert objective["background_salient"] == 7.0
    assert "salient_of_background" not in objective


def test_a_setting_that_came_later_counts_where_it_is_not_its_default():
    assert "sizes" not in of()["analysis"]
    assert of(analysis={"sizes": {"minimum": 12}})["analysis"]["sizes"]["minimum"] == 12


@pytest.mark.parametrize(
    "change", [{"name": "mine"}, {"seed": 3}, {"model": {"salient": 5}}, {"analysis": {"permutations": 7}}]
)
def test_recipes_that_differ_are_told_apart(change):
    assert of(**change) != of()


def test_the_name_of_a_section_is_not_taken_for_a_term_of_the_loss():
    assert of()["model"]["background"] == Recipe().model.background


def test_the_trunk_is_the_one_of_version_0_1_only_where_it_is_convolutions():
    assert of()["model"]["trunk"] == "patches"
    assert "trunk" not in of(model={"trunk": "convolutions"})["model"]
