"""Recipes: what resolves, and what is refused in one readable line."""

import pytest

from adhd_cvae.config import OBJECTIVES, Recipe
from adhd_cvae.errors import InputError
from pipelines.recipes.loader import (
    apply_overrides,
    flatten,
    known_keys,
    load_recipe,
    shipped_recipes,
    validated,
)


def test_the_promised_recipes_are_shipped_and_valid():
    assert shipped_recipes() == ["adhd200", "as-published", "demo", "separation", "smoke"]
    for name in shipped_recipes():
        assert load_recipe(name).name == name


def test_as_published_has_the_choices_of_the_study():
    recipe = load_recipe("as-published")
    assert (recipe.model.salient, recipe.model.background) == (16, 16)
    assert recipe.model.channels == (64, 128)
    assert recipe.objective.total_correlation == 100
    assert recipe.objective.critic == "linear"
    assert (recipe.image.fwhm, recipe.image.standardise) == (0, "none")


def test_folds_have_the_same_training_but_where_that_is_too_dear():
    assert (
        load_recipe("adhd200").training.fold_models
        == load_recipe("as-published").training.fold_models
        == "same"
    )
    assert load_recipe("demo").training.fold_models == load_recipe("smoke").training.fold_models == "linear"
    assert load_recipe("smoke", ("model.start=random", "training.fold_models=same")).model.start == "random"


def test_smoke_is_adhd200_made_small():
    smoke, full = load_recipe("smoke"), load_recipe()
    assert smoke.analysis.variables == full.analysis.variables
    assert smoke.analysis.permutations < full.analysis.permutations


def test_an_override_replaces_one_value_only():
    recipe = load_recipe("demo", ("model.salient=4", "analysis.permute_within=null", "cohort.target=[1, 3]"))
    assert recipe.model.salient == 4
    assert recipe.analysis.permute_within is None
    assert recipe.cohort.target == (1, 3)
    assert recipe.model.background == load_recipe("demo").model.background


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("model.salien=3", "Did you mean 'model.salient'?"),
        ("modle.salient=3", "Did you mean 'model.salient'?"),
        ("epochs=3", "Did you mean 'training.epochs'?"),
        ("zzz=3", "The nearest known one is"),
        ("model.salient", "is not key=value"),
        ("=3", "is not key=value"),
        ("model.channels=[1, 2", "is not a YAML value"),
        ("model.salient=two", "model.salient is 'two'; expected a valid integer"),
        ("training.epochs=-1", "training.epochs is -1; expected greater than or equal to 0"),
        ("model.start=zero", "'contrast', 'contrastive_pca'"),
        ("model={salien: 3}", "Did you mean 'model.salient'?"),
        ("cohort.folds=1", "cohort.folds is 1; expected a whole number from 2 on, or leave_site_out."),
        ("cohort.folds=leave_site", "cohort.folds is 'leave_site'; expected a whole number from 2 on"),
        ("cohort.test_fraction=0.3", "no such setting. Everybody is held out once now: 'cohort.folds' says"),
        ("cohort={test_fraction: 0.3}", "no setting 'cohort.test_fraction'. Everybody is held out once now"),
        (
            "model.start=random",
            "recipe demo: training.fold_models is linear, but model.start is random, which",
        ),
    ],
)
def test_a_bad_override_is_one_line_that_helps(override, expected):
    with pytest.raises(InputError) as caught:
        load_recipe("demo", (override,))
    assert len(caught.value.problems) == 1
    assert expected in str(caught.value)


def test_every_problem_is_named_at_once():
    with pytest.raises(InputError) as caught:
        load_recipe("demo", ("a=1", "b=2", "c"))
    assert len(caught.value.problems) == 3


def test_a_file_may_start_from_a_shipped_recipe(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("base: smoke\nmodel:\n  salient: 5\n", encoding="utf-8")
    recipe = load_recipe(str(file))
    assert recipe.model.salient == 5
    assert recipe.model.hidden == load_recipe("smoke").model.hidden


def test_a_file_may_start_from_another_file_beside_it(tmp_path):
    (tmp_path / "first.yaml").write_text("model: {salient: 7}\n", encoding="utf-8")
    (tmp_path / "second.yaml").write_text("base: first.yaml\nseed: 3\n", encoding="utf-8")
    recipe = load_recipe(str(tmp_path / "second.yaml"))
    assert (recipe.model.salient, recipe.seed) == (7, 3)


def test_a_recipe_based_on_itself_is_refused(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("base: mine.yaml\n", encoding="utf-8")
    with pytest.raises(InputError, match="circle"):
        load_recipe(str(file))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!!python/object/apply:os.system ['true']", "not plain YAML"),
        ("model: [", "not plain YAML"),
        ("- a\n- b\n", "holds a list"),
        ("models:\n  salient: 2\n", "Did you mean"),
        ("model: 3\n", "model is 3"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, text, expected):
    file = tmp_path / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=expected):
        load_recipe(str(file))


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'adhd200'"):
        load_recipe("adhd20")


def test_flat_settings_name_every_key_once_and_rebuild_the_recipe():
    plain = load_recipe("demo").model_dump(mode="json")
    flat = flatten(plain)
    assert sorted(flat) == sorted(known_keys())
    rebuilt = {}
    for key, value in flat.items():
        *sections, leaf = key.split(".")
        place = rebuilt
        for section in sections:
            place = place.setdefault(section, {})
        place[leaf] = value
    assert validated(rebuilt, "test") == load_recipe("demo")


def test_a_section_within_a_section_is_laid_over_setting_by_setting(tmp_path):
    (tmp_path / "first.yaml").write_text("analysis: {sizes: {minimum: 7}, batteries: {a: [x, y]}}")
    (tmp_path / "second.yaml").write_text(
        "base: first.yaml\nanalysis: {sizes: {per_unit: 3}, batteries: {b: [z]}}"
    )
    analysis = load_recipe(str(tmp_path / "second.yaml"), ("analysis.sizes.partial=50",)).analysis
    assert (analysis.sizes.minimum, analysis.sizes.per_unit, analysis.sizes.partial) == (7, 3, 50)
    assert analysis.batteries == {"b": ("z",)}, "names of the user's own are no settings"


def test_overrides_leave_what_they_are_given_untouched():
    plain = Recipe().model_dump(mode="json")
    changed = apply_overrides(plain, ("model.salient=9",))
    assert changed["model"]["salient"] == 9
    assert plain["model"]["salient"] != 9


@pytest.mark.parametrize("recipe", ["adhd200", "as-published", "smoke"])
@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_an_objectives_name_replaces_the_recipes_weights_and_what_is_set_beside_it_stays(recipe, name):
    weights = Recipe.model_validate({"objective": {"name": name}}).objective.model_dump()
    kept = {key: load_recipe(recipe).objective.model_dump()[key] for key in ("beta", "effective_voxels")}
    named = load_recipe(recipe, (f"objective.name={name}",)).objective.model_dump()
    assert named == weights | kept
    for overrides in (
        ("objective.hsic=5", f"objective.name={name}"),
        (f"objective.name={name}", "objective.hsic=5"),
    ):
        assert load_recipe(recipe, overrides).objective.model_dump() == named | {"hsic": 5}


def test_a_resolved_recipe_stays_as_it_is_and_can_take_another_objective(tmp_path):
    plain = load_recipe("smoke", ("objective.name=mm_cvae", "objective.hsic=5")).model_dump(mode="json")
    assert validated(plain, "test").model_dump(mode="json") == plain
    again = validated(apply_overrides(plain, ("objective.name=sepvae",)), "test").objective
    assert (again.background_mmd, again.hsic, again.classification) == (0, 0, 10)
    (tmp_path / "mine.yaml").write_text("base: as-published\nobjective: {name: cvae}\n", encoding="utf-8")
    objective = load_recipe(str(tmp_path / "mine.yaml")).objective
    assert (objective.critic, objective.total_correlation, objective.effective_voxels) == (
        "nonlinear",
        1,
        None,
    )


def test_an_unknown_objective_is_one_line():
    for name in ("mmcvae", "[cvae]"):
        with pytest.raises(InputError, match=r"objective\.name is") as caught:
            load_recipe("smoke", (f"objective.name={name}",))
        assert len(caught.value.problems) == 1
