"""All settings together."""

import pytest
from pydantic import ValidationError

from adhd_cvae.config.recipe import Recipe
from adhd_cvae.config.training import ModelConfig


def test_a_recipe_needs_a_salient_space_though_a_network_does_not():
    plain = ModelConfig(salient=0)
    for model in (plain, {"salient": 0}):
        with pytest.raises(ValidationError, match=r"salient is 0.*training\.vae"):
            Recipe.model_validate({"model": model})
    assert Recipe.model_validate({"model": {"salient": 1}}).model.salient == 1


def test_what_is_not_set_in_a_section_is_at_its_default():
    recipe = Recipe.model_validate({"training": {"epochs": 3}, "analysis": {"sizes": {"minimum": 7}}})
    assert (recipe.training.epochs, recipe.analysis.sizes.minimum) == (3, 7)
    unchanged = recipe.model_dump() | {
        name: getattr(Recipe(), name).model_dump() for name in ("training", "analysis")
    }
    assert unchanged == Recipe().model_dump()
    assert recipe.training == Recipe().training.model_copy(update={"epochs": 3})
    assert recipe.analysis.sizes == Recipe().analysis.sizes.model_copy(update={"minimum": 7})


def test_an_unknown_section_and_a_misplaced_setting_are_refused_with_their_place():
    content = {"modle": {}, "epochs": 3, "model": {"salien": 3}, "analysis": {"sizes": {"minimun": 3}}}
    with pytest.raises(ValidationError) as refused:
        Recipe.model_validate(content)
    assert {error["loc"] for error in refused.value.errors()} == {
        ("modle",),
        ("epochs",),
        ("model", "salien"),
        ("analysis", "sizes", "minimun"),
    }
