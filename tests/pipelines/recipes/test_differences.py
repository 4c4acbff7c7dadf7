"""What differs from a recipe: found against the shipped one it comes from, and named as short as can be."""

import pytest

from pipelines.recipes.differences import COMPARED, changes, compared, differing, short
from pipelines.recipes.loader import known_keys, load_recipe, shipped_recipes


def resolved(name, *overrides):
    return load_recipe(name, overrides).model_dump(mode="json")


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_shipped_recipe_differs_from_itself_in_nothing(name):
    assert changes(resolved(name, "seed=4")) == {}


def test_what_was_set_is_what_differs():
    found = changes(resolved("smoke", "image.fwhm=8", "training.critic_steps=3"))
    assert found == {"image.fwhm": 8.0, "training.critic_steps": 3}


def test_a_recipe_of_ones_own_is_seen_beside_the_shipped_one_it_differs_least_from():
    own = ("name=mine", "cohort.group=diagnosis", "analysis.variables=[]", "model.salient=3")
    assert changes(resolved("smoke", *own)) == {"model.salient": 3}
    assert changes(resolved("smoke", "cohort.group=diagnosis")) == {"cohort.group": "diagnosis"}


def test_parameters_are_what_one_would_compare_and_what_was_changed():
    assert set(COMPARED) <= set(known_keys())
    plain = compared(resolved("smoke"))
    assert set(plain) == set(COMPARED)
    assert len(plain) < len(known_keys()) / 3
    assert compared(resolved("smoke", "training.critic_steps=3"))["training.critic_steps"] == 3


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("model.salient", 4, "salient=4"),
        ("image.fwhm", 8.0, "image.fwhm=8"),  # `image.check` has another
        ("cohort.harmonise", "combat", "harmonise=combat"),
        ("analysis.permute_within", None, "permute_within=null"),
        ("cohort.background_from", ["a" * 40], 'background_from=["' + "a" * 22 + "…"),
    ],
)
def test_a_change_is_named_by_the_last_words_that_no_other_setting_has(key, value, text):
    assert short(key, value) == text


def test_a_long_name_of_a_setting_leaves_room_for_its_value():
    assert short("objective.salient_of_background", 50.0, 14) == "salient_of_b…=50"


def test_settings_that_differ_have_the_value_of_each_and_say_where_one_lacks_it():
    assert differing([{"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}]) == {"b": [2, 3], "c": ["n/a", 4]}
