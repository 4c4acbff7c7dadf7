"""What is borrowed: refused where it was made otherwise, kept where it fits."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import ImageConfig, Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.models.reference_background import fit_reference
from adhd_cvae.models.reference_file import load_reference
from bids_adapters.images.kind import Kind
from pipelines.mlflow_tracking.reference_model import shown_name
from pipelines.recipes.borrowed import Source, borrow, check_made, noted

GRID = ImageConfig(shape=(4, 4, 4), voxel_size=12, fwhm=0)
RECIPE = Recipe.model_construct(**{**dict(Recipe()), "image": GRID})
MODULATED = Kind("CAT12", "MNI152", "modulated")
MADE = {
    "image": {"shape": [4, 4, 4], "voxel_size": 12.0, "centre": [0.0, -17.0, 6.0], "fwhm": 0.0},
    "modulation": "modulated",
    "smoothing": "",
}


def maps(count, seed, turn=0):
    directions = np.random.default_rng(100 + turn).normal(size=(5, 64)) * 0.1
    rng = np.random.default_rng(seed)
    values = 0.5 + rng.normal(size=(count, 5)) @ directions + 0.02 * rng.normal(size=(count, 64))
    return values.reshape(count, 4, 4, 4).astype(np.float16)


def lent(seed=200, turn=0, columns=None, **other):
    values = maps(250, seed, turn).reshape(250, -1)
    return Source("elsewhere", fit_reference(values, columns=columns), {**MADE, **other})


def cohort(ages=(8, 12)):
    groups = np.where(np.arange(20) % 2 == 0, "target", "background")
    return pd.DataFrame({"group": groups, "site": 1, "age": np.linspace(*ages, 20)})


def test_what_was_made_alike_is_taken_and_what_is_not_known_is_said():
    assert check_made([lent()], GRID, MODULATED) == []
    source = lent()._replace(provenance={})
    (line,) = check_made([source], GRID, MODULATED)
    assert "does not say its image, modulation, smoothing" in line


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"image": {**MADE["image"], "voxel_size": 6.0}}, r"image\.voxel_size 6\.0.* prepared at 12\.0"),
        ({"image": {**MADE["image"], "fwhm": 8.0}}, r"image\.fwhm 8\.0.*'image\.fwhm=0\.0'"),
        ({"modulation": "unmodulated"}, r"modulation unmodulated, .* modulation modulated"),
        ({"smoothing": "8 mm"}, r"smoothing by name 8 mm, .* smoothing by name none"),
    ],
)
def test_what_was_made_otherwise_is_refused_with_how_to_learn_it_again(other, expected):
    with pytest.raises(InputError, match=expected) as caught:
        check_made([lent(**other)], GRID, MODULATED)
    assert all("Learn it" in problem for problem in caught.value.problems)


def test_another_number_of_values_is_refused_though_nothing_is_known_of_its_maps():
    source = lent()._replace(provenance={})
    with pytest.raises(InputError, match=r"from 64 values .* has 27"):
        check_made([source], ImageConfig(shape=(3, 3, 3)), None)


def test_what_fits_is_kept_to_the_bit_and_described(tmp_path):
    source = lent()
    line, *cautions = borrow([source], maps(20, 201), cohort(), RECIPE, tmp_path)
    assert "elsewhere, 250 participants" in line
    assert not cautions
    kept, content = load_reference(tmp_path)
    assert kept.checksum == source.reference.checksum
    assert content == noted([source])
    assert content["borrowed"][0]["participants"] == 250


def test_several_are_brought_together(tmp_path):
    borrow([lent(), lent(202)], maps(20, 201), cohort(), RECIPE, tmp_path)
    assert load_reference(tmp_path)[0].count == 500


def test_an_alien_one_is_taken_with_a_caution(tmp_path):
    _, caution = borrow([lent(turn=1)], maps(20, 201), cohort(), RECIPE, tmp_path)
    assert "may not fit" in caution


def test_ages_that_do_not_overlap_are_told(tmp_path):
    _, caution = borrow([lent(age=[30, 60])], maps(20, 201), cohort(), RECIPE, tmp_path)
    assert "30 to 60 years, and this cohort is 8 to 12" in caution


def test_half_a_mask_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"has 50% of the voxels .* at least 95%"):
        borrow([lent(columns=np.arange(0, 64, 2))], maps(20, 201), cohort(), RECIPE, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_source_is_shown_without_where_it_lies():
    assert shown_name("/home/lab/pool") == "pool"
    assert shown_name("models:/adhd-cvae-background@champion") == "models:/adhd-cvae-background@champion"
    assert noted([]) == {}


def test_who_lent_and_borrows_is_refused_where_controls_alone_do(tmp_path):
    groups = np.where(np.arange(40) % 2 == 0, "target", "background")
    table, own = pd.DataFrame({"group": groups}), noisy(40, 201)
    others = noisy(80, 202).reshape(80, -1)
    borrow([Source("elsewhere", fit_reference(others), MADE)], own, table, RECIPE, tmp_path / "others")
    both = np.vstack([others[:70], own[groups == "background"][:10].reshape(10, -1)])
    source = Source("elsewhere", fit_reference(both), MADE)
    with pytest.raises(
        InputError, match=r"^1?\d of 20 controls here look like .*elsewhere.* 0 of 20 patients"
    ):
        borrow([source], own, table, RECIPE, tmp_path / "both")
    assert not (tmp_path / "both").exists()
    cohort = RECIPE.cohort.model_copy(update={"background_members": 0.0})
    borrow([source], own, table, RECIPE.model_copy(update={"cohort": cohort}), tmp_path / "both")
    everybody = np.vstack(
        [others[:40], own.reshape(40, -1)]
    )  # patients as much as controls: nothing is made of it
    borrow([Source("all", fit_reference(everybody), MADE)], own, table, RECIPE, tmp_path / "everybody")


def noisy(count, seed):
    """Maps with more directions than participants, as maps have."""
    grid = np.random.default_rng(seed).normal(size=(count, 8, 8, 8)) * 0.1
    return (0.5 + grid).astype(np.float16)
