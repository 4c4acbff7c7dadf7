"""Maps without sites and covariates, by those they were fitted to alone."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.cohort.covariates import adjusting_columns
from adhd_cvae.config import CohortConfig, Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.images.cache import take_maps
from adhd_cvae.inference.adjustment import (
    adjusted,
    fit_adjustment,
    fitted_rows,
    is_known,
    load_adjustment,
    save_adjustment,
    with_new_sites,
)
from tests.adhd_cvae.inference.maps import GRID, SHAPE, anatomy

COMBAT = Recipe(image=GRID, cohort=CohortConfig(harmonise="combat", covariates=("age",)))
RESIDUAL = Recipe(image=GRID, cohort=CohortConfig(residualise=True, covariates=("age",)))
OUTSIDE = np.arange(60) % 5 > 0
ROWS = np.flatnonzero(OUTSIDE)


def cohort():
    """Maps in which sites differ all over, and age in one corner."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {
            "group": np.where(np.arange(60) % 2, "target", "background"),
            "site": np.repeat(["a", "b", "c"], 20),
            "age": rng.normal(12, 3, 60),
        }
    )
    maps = anatomy(60, 0).astype(np.float32)
    maps += np.select([table["site"] == "b", table["site"] == "c"], [0.2, -0.1], 0.0)[:, None, None, None]
    maps[:, :4, :4, :4] += (0.02 * (table["age"].to_numpy() - 12))[:, None, None, None]
    return maps.astype(np.float16), table


def test_sites_differ_no_more_and_age_is_kept():
    maps, table = cohort()
    after = adjusted(maps, fit_adjustment(maps, table, ROWS, COMBAT), table)[:]
    means = [after[(table["site"] == site) & ~OUTSIDE].mean() for site in "abc"]
    before = [maps[(table["site"] == site) & ~OUTSIDE].mean() for site in "abc"]
    assert np.ptp(before) > 0.25
    assert np.ptp(means) < 0.05
    assert np.corrcoef(after[:, :4, :4, :4].mean(axis=(1, 2, 3)), table["age"])[0, 1] > 0.8


def test_age_is_taken_away_and_sites_are_kept():
    maps, table = cohort()
    after = adjusted(maps, fit_adjustment(maps, table, ROWS, RESIDUAL), table)[:]
    corner = after[:, :4, :4, :4].mean(axis=(1, 2, 3))
    free = [
        np.corrcoef(corner[table["site"] == site], table["age"][table["site"] == site])[0, 1]
        for site in "abc"
    ]
    assert np.abs(free).max() < 0.6
    assert after[table["site"] == "b"].mean() - after[table["site"] == "c"].mean() > 0.2


def test_no_map_group_site_or_age_of_those_held_out_changes_anything():
    maps, table = cohort()
    other, changed = maps.copy(), table.copy()
    other[~OUTSIDE] = other[~OUTSIDE] * 2
    changed.loc[~OUTSIDE, "group"] = "target"
    changed.loc[~OUTSIDE, "site"] = "a"
    changed.loc[~OUTSIDE, "age"] = 99.0
    for recipe in (COMBAT, RESIDUAL):
        one, two = fit_adjustment(maps, table, ROWS, recipe), fit_adjustment(other, changed, ROWS, recipe)
        assert one.design == two.design
        for name in ("mask", "mean", "scale", "axes"):
            assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
        for name in ("mean", "slopes", "spread", "shift", "scale"):
            assert getattr(one.combat, name).tobytes() == getattr(two.combat, name).tobytes()


def test_one_map_alone_is_adjusted_as_among_others():
    maps, table = cohort()
    found = fit_adjustment(maps, table, ROWS, COMBAT)
    together = take_maps(adjusted(maps, found, table), np.array([3, 41]))
    alone = adjusted(maps[41:42], found, table.iloc[41:42])[:]
    np.testing.assert_allclose(together[1], alone[0], atol=2e-3)
    assert together.shape == (2, *SHAPE)


def test_what_is_outside_of_the_brain_stays():
    maps, table = cohort()
    maps[:, -1] = 0
    after = adjusted(maps, fit_adjustment(maps, table, ROWS, COMBAT), table)[:]
    assert not after[:, -1].any()


def test_nothing_is_done_unasked():
    maps, table = cohort()
    recipe = Recipe(image=GRID)
    assert fit_adjustment(maps, table, ROWS, recipe) is None
    assert adjusted(maps, None, table) is maps
    assert adjusting_columns(table, recipe.cohort) == []
    assert adjusting_columns(table, COMBAT.cohort) == ["site", "age"]


def test_it_is_saved_and_read_again(tmp_path):
    maps, table = cohort()
    found = fit_adjustment(maps, table, ROWS, COMBAT)
    save_adjustment(found, tmp_path / "adjustment")
    again = load_adjustment(tmp_path / "adjustment")
    np.testing.assert_array_equal(adjusted(maps, again, table)[:], adjusted(maps, found, table)[:])
    assert again.combat.block == found.combat.block == 16
    assert load_adjustment(tmp_path / "other") is None
    (tmp_path / "adjustment.safetensors").write_bytes(b"damaged")
    with pytest.raises(InputError, match="adjustment is damaged"):
        load_adjustment(tmp_path / "adjustment")


def test_whoever_is_embedded_has_a_site_and_the_covariates():
    maps, table = cohort()
    found = fit_adjustment(maps, table, ROWS, COMBAT)
    assert found.needed == ("site", "age")
    with pytest.raises(InputError, match=r"needs everybody's 'site'. It knows a, b, c"):
        adjusted(maps, found, table.drop(columns="site"))
    with pytest.raises(InputError, match="there is no covariate 'age'"):
        adjusted(maps, found, table.drop(columns="age"))


def test_rows_that_are_fitted_are_outside_of_the_fold():
    _, table = cohort()
    np.testing.assert_array_equal(fitted_rows(table, OUTSIDE, COMBAT), ROWS)


def test_a_site_of_few_participants_was_met_and_counts_as_the_average():
    maps, table = cohort()
    table["site"] = ["few", "few", *table["site"][2:]]
    found = fit_adjustment(maps, table, ROWS, COMBAT)
    assert found.met == ("a", "b", "c", "few")
    assert found.combat.sites == ("a", "b", "c")
    known = is_known(found, table)
    assert (~known).sum() == 2
    with pytest.raises(InputError, match=r"knows the sites a, b, c, few and not d"):
        is_known(found, table.assign(site="d"))
    assert not is_known(found, table.assign(site="d"), average=True).any()


def test_a_new_site_is_learnt_from_its_controls_where_there_are_enough():
    maps, table = cohort()
    found = fit_adjustment(maps, table, ROWS, COMBAT)
    elsewhere = (anatomy(60, 3).astype(np.float32) + 0.3).astype(np.float16)
    new = table.assign(site="new")
    few, counts = with_new_sites(found, elsewhere[:5], new[:5], 20)
    assert counts == {"new": 5}
    assert few.combat.sites == found.combat.sites
    learnt, _ = with_new_sites(found, elsewhere[:40], new[:40], 20)
    at_new, averaged = (adjusted(elsewhere[40:], one, new[40:])[:].mean() for one in (learnt, found))
    usual = adjusted(maps, found, table)[:].mean()
    assert abs(at_new - usual) < 0.25 * abs(averaged - usual)
