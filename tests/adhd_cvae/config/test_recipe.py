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


@pytest.mark.parametrize("seed", [-1, 2**32, 8589934592, 1.5, "seven", float("nan"), 10**400, None, [1]])
def test_a_seed_that_a_library_cannot_take_is_refused(seed):
    with pytest.raises(ValidationError, match="seed"):
        Recipe.model_validate({"seed": seed})


@pytest.mark.parametrize(
    ("layers", "shape"), [(7, [64, 64, 64]), (6, [32, 64, 64]), (3, [16, 16, 12]), (70, [64, 64, 64])]
)
def test_no_layer_halves_what_is_odd(layers, shape):
    content = {"model": {"trunk": "convolutions", "channels": [2] * layers}, "image": {"shape": shape}}
    with pytest.raises(ValidationError, match=rf"model\.channels has {layers} layers.*image\.shape"):
        Recipe.model_validate(content)


def test_more_layers_than_the_grid_can_be_halved_are_refused():
    Recipe.model_validate({"model": {"trunk": "convolutions", "channels": [2] * 6}})  # 64 → 1
    for trunk in ("convolutions", "patches"):  # whichever is used, a setting that cannot be is not taken
        with pytest.raises(
            ValidationError, match=r"model\.channels has 7 layers.*image\.shape \[64, 64, 64\]"
        ):
            Recipe.model_validate({"model": {"trunk": trunk, "channels": [2] * 7}})
    Recipe.model_validate({"model": {"trunk": "convolutions", "channels": [2] * 7, "correction": False}})


def test_patches_fill_the_grid():
    content = {"model": {"patch": 8, "channels": [2, 2]}, "image": {"shape": [64, 64, 60]}}
    with pytest.raises(ValidationError, match=r"model\.patch is 8.*divides image\.shape \[64, 64, 60\]"):
        Recipe.model_validate(content)
    Recipe.model_validate(content | {"model": {"patch": 4, "channels": [2, 2]}})
    Recipe.model_validate(content | {"model": {"patch": 8, "correction": False}})


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "CPU", "cpu ", "../x", "", "cuda:-1", 0])
def test_a_slip_in_a_devices_name_is_refused(device):
    with pytest.raises(ValidationError, match=r"training\.device"):
        Recipe.model_validate({"training": {"device": device}})


@pytest.mark.parametrize(
    "name", ["../escape", "a/b", "", "x" * 65, "a b", "ü", "a\n", ".", "..", "$x$", "<b>"]
)
def test_a_batterys_name_is_part_of_a_files_name(name):
    with pytest.raises(ValidationError, match=r"analysis\.batteries"):
        Recipe.model_validate({"analysis": {"batteries": {name: ["age"]}}})


@pytest.mark.parametrize(
    ("cohort", "said"),
    [
        ({"harmonise": "combat"}, r"cohort\.harmonise is combat.*expected one of them"),
        ({"site": None}, r"cohort\.site names no column"),
    ],
)
def test_a_decoder_conditioned_on_sites_needs_maps_that_hold_them(cohort, said):
    with pytest.raises(ValidationError, match=said):
        Recipe.model_validate({"cohort": cohort, "model": {"condition_on_site": True}})
    Recipe.model_validate({"cohort": cohort})
    Recipe.model_validate({"model": {"condition_on_site": True}})
