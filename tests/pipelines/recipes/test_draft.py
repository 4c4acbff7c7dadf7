"""The text of a first recipe: it loads, says why, and names nobody."""

from collections import Counter
from dataclasses import replace

import yaml

from bids_adapters.guesses.columns import Column
from bids_adapters.guesses.dataset import DatasetGuesses
from bids_adapters.guesses.groups import GroupGuess
from bids_adapters.images.kind import Kind
from pipelines.recipes.draft import draft, open_choices
from pipelines.recipes.loader import load_recipe

DX = Column("dx #1", Counter({"Yes": 10, "No\n": 12}), 24)
SITE = Column("site", Counter({"1": 12, "2": 12}), 24, is_number=True)
FOUND = DatasetGuesses(
    participants=24,
    columns={"dx #1": DX, "site": SITE, "fd": Column("fd", Counter(map(str, range(24))), 24, is_number=True)},
    group=GroupGuess("dx #1", ("Yes",), ("No\n",), (), "its words", ("other",)),
    site="site",
    by_site={"1": (5, 6), "2": (0, 6)},
    covariates=("age",),
    gaps={"sex": 3},
    head_size="CAT12 \u2028 in a folder",
    tiv_source="cat12",
    scales={"dx #1": ("nominal", "words"), "age": ("ratio", "numbers"), "note": ("", "text, 24 different")},
    batteries={"asrs_pc1": (("asrs_1", "asrs_2", "asrs_3"), 22)},
    kind=Kind("CAT12", "template", "modulated", "8 mm"),
)


def loaded(tmp_path, found):
    path = tmp_path / "own.yaml"
    path.write_text(draft(found, "own"), encoding="utf-8")
    return load_recipe(str(path))


def test_it_loads_and_holds_what_was_guessed(tmp_path):
    recipe = loaded(tmp_path, FOUND)
    assert (recipe.name, recipe.cohort.group, recipe.cohort.site) == ("own", "dx #1", "site")
    assert (recipe.cohort.target, recipe.cohort.background) == (("Yes",), ("No\n",))
    assert recipe.cohort.covariates == ("age",)
    assert recipe.cohort.tiv_source == "cat12"
    assert recipe.image.fwhm == 0
    assert [(one.name, one.scale) for one in recipe.analysis.variables] == [
        *(("dx #1", "nominal"), ("age", "ratio"), ("asrs_pc1", "ratio"))
    ]
    assert recipe.analysis.batteries == {"asrs_pc1": ("asrs_1", "asrs_2", "asrs_3")}
    assert (recipe.analysis.permute_within, recipe.analysis.claims) == ("site", ())
    assert open_choices(FOUND) == []


def test_reasons_stand_beside_the_guesses():
    text = draft(FOUND, "own")
    for words in (
        "It could also be other.",
        "By its words.",
        "2, patients + controls: 1 5 + 6, 2 0 + 6",
        "One group only: 2.",
        "sex is missing for 3",
        "CAT12 in a folder",
        "motion: fd",
        "not note: text, 24 different",
        "smoothed already (8 mm)",
        "gray-matter volume",
    ):
        assert words in text


def test_a_covariate_that_few_lack_is_imputed(tmp_path):
    found = replace(FOUND, covariates=("age", "sex"))
    assert loaded(tmp_path, found).cohort.missing_covariates == "impute"
    assert "whoever lacks one: sex of 3" in draft(found, "own")
    assert loaded(tmp_path, FOUND).cohort.missing_covariates == "refuse"


def test_what_cannot_be_told_is_a_comment_with_the_choices(tmp_path):
    unsure = DatasetGuesses(24, {"site": SITE, "dx #1": DX}, GroupGuess("site"))
    text = draft(unsure, "own")
    assert "# CHOOSE: whose its values are" in text
    assert "# target: [1, 2]" in text
    assert loaded(tmp_path, unsure).cohort.target == (1, 2, 3)
    assert open_choices(unsure) == ["cohort.target and cohort.background"]
    nothing = DatasetGuesses(24, {"site": SITE}, GroupGuess(others=("site",)))
    assert "#   site: 1 (12), 2 (12)" in draft(nothing, "own")
    assert loaded(tmp_path, nothing).analysis.variables == ()
    assert open_choices(nothing) == ["cohort.group, cohort.target and cohort.background"]


def test_of_hundreds_of_columns_most_are_comments(tmp_path):
    many = DatasetGuesses(
        24, {}, GroupGuess(), scales={f"item{row}": ("ratio", "numbers") for row in range(200)}
    )
    assert len(loaded(tmp_path, many).analysis.variables) == 40
    assert "# - {name: item199, scale: ratio}" in draft(many, "own")


def test_a_column_called_as_one_of_ours_has_its_own_name_in_the_settings():
    column = Column("source_group", Counter({"HC": 12, "ADHD": 12}), 24)
    found = DatasetGuesses(24, {"source_group": column}, GroupGuess("source_group", ("ADHD",), ("HC",)))
    assert yaml.safe_load(draft(found, "own"))["cohort"]["group"] == "group"
