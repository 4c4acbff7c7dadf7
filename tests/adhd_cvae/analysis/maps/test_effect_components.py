"""Components of the effect maps: those of a plain PCA, tried on a site that had no part in them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from adhd_cvae.analysis.maps.effect_components import ALIKE, TABLE_COLUMNS, effect_components

SITES = np.repeat([1, 4, 5, 7], [20, 15, 25, 10])


def planted(seed=0, odd_site=None):
    """Two orthogonal patterns of unequal spread in everybody; a third instead in the odd site."""
    rng = np.random.default_rng(seed)
    patterns = np.linalg.qr(rng.normal(size=(300, 3)))[0].T
    scores = rng.normal(size=(len(SITES), 3)) * [6, 3, 0]
    if odd_site is not None:
        scores[odd_site == SITES] = rng.normal(size=((odd_site == SITES).sum(), 3)) * [0, 0, 6]
    effect = 2 + scores @ patterns + 0.05 * rng.normal(size=(len(SITES), 300))
    return effect.astype(np.float32), patterns, scores


def row_of(table, site, component):
    return table[(table["left_out"] == str(site)) & (table["component"] == component)].iloc[0]


def test_a_fold_is_the_pca_of_the_other_sites():
    effect, _, _ = planted()
    found = effect_components(effect, SITES, components=2)
    assert list(found.table.columns) == list(TABLE_COLUMNS)
    inside, outside = effect[SITES != 5].astype(float), effect[SITES == 5].astype(float)
    pca = PCA(2).fit(inside)
    expected = pca.transform(outside)
    mine = found.scores[SITES == 5]
    signs = np.sign((expected * mine).sum(axis=0))
    np.testing.assert_allclose(mine, expected * signs, atol=1e-4)
    for rank in (1, 2):
        row = row_of(found.table, 5, rank)
        assert (row["n"], row["n_others"]) == (25, 45)
        assert row["explained_others"] == pytest.approx(pca.explained_variance_ratio_[rank - 1], rel=1e-5)
        assert row["explained"] == pytest.approx(
            expected[:, rank - 1].var() / outside.var(axis=0).sum(), rel=1e-5
        )
        own = PCA(2).fit(outside)
        assert row["explained_own"] == pytest.approx(own.explained_variance_ratio_[rank - 1], rel=1e-5)
        assert row["cosine_own"] == pytest.approx(
            abs(own.components_[rank - 1] @ pca.components_[rank - 1]), abs=1e-5
        )
    everyone = found.table[found.table["left_out"].isna()]
    np.testing.assert_allclose(
        everyone["explained_others"], PCA(2).fit(effect.astype(float)).explained_variance_ratio_, rtol=1e-5
    )


def test_maps_are_the_change_for_one_standard_deviation():
    effect, patterns, scores = planted()
    maps = effect_components(effect, SITES, components=2).maps
    for rank in (0, 1):
        expected = patterns[rank] * scores[:, rank].std(ddof=1)
        assert abs(np.corrcoef(maps[rank], expected)[0, 1]) > 0.98
        assert np.linalg.norm(maps[rank]) == pytest.approx(np.linalg.norm(expected), rel=0.05)


def test_what_all_sites_share_is_found_again_in_each():
    effect, _, _ = planted()
    table = effect_components(effect, SITES, components=2).table.dropna(subset="left_out")
    assert len(table) == 8
    assert table["cosine"].min() > 0.98
    assert table.loc[table["component"] == 1, "cosine_own"].min() > 0.75
    together = table.groupby("left_out")["explained"].sum()
    assert together.between(0.95, 1.0).all()


def test_a_site_of_its_own_kind_is_not_explained_by_the_others():
    effect, _, _ = planted(odd_site=7)
    table = effect_components(effect, SITES, components=2).table
    assert row_of(table, 7, 1)["explained"] < 0.05
    assert row_of(table, 7, 1)["explained_own"] > 0.95
    assert row_of(table, 7, 1)["cosine_own"] < 0.3


def test_signs_agree_between_folds_whatever_the_signs_of_the_maps():
    effect, _, scores = planted()
    for values in (effect, -effect):
        found = effect_components(values, SITES, components=2)
        r = np.corrcoef(found.scores[:, 0], scores[:, 0])[0, 1]
        assert abs(r) > 0.97


def test_nobody_of_the_left_out_site_has_a_say():
    effect, _, _ = planted()
    changed = effect.copy()
    changed[SITES == 7] *= 3
    before, after = (effect_components(values, SITES, components=2) for values in (effect, changed))
    one, other = (row_of(found.table, 7, 1) for found in (before, after))
    assert one["explained_others"] == pytest.approx(other["explained_others"], rel=1e-6)
    assert one["explained"] == pytest.approx(other["explained"], rel=1e-4)


def test_few_patients_and_missing_sites_and_values():
    effect, _, _ = planted()
    sites = pd.Series(SITES.astype(float))
    sites[:3] = np.nan
    sites[sites == 7] = [8.0] * 3 + [7.0] * 7
    effect[5, 0] = np.nan
    found = effect_components(effect, sites, components=2)
    assert np.isnan(found.scores[[0, 1, 2, 5]]).all()
    assert np.isfinite(found.scores[np.setdiff1d(np.arange(70), [0, 1, 2, 5])]).all()
    few = row_of(found.table, 8, 1)
    assert few["note"] == "fewer than 5 patients"
    assert np.isnan(few["explained"])
    assert effect_components(effect[:4], SITES[:4]) is None


def test_one_site_or_none_has_components_but_no_fold():
    effect, _, _ = planted()
    for sites in (np.ones(70), np.full(70, np.nan)):
        found = effect_components(effect, sites)
        assert found.table["left_out"].isna().all()
        assert np.isnan(found.scores).all()
        assert np.isfinite(found.maps).all()


def test_maps_that_do_not_differ():
    same = np.tile(np.linspace(0, 1, 300), (70, 1))
    assert effect_components(same, SITES) is None
    effect, _, _ = planted()
    effect[SITES == 4] = effect[SITES == 4][0]
    row = row_of(effect_components(effect, SITES).table, 4, 1)
    assert row["note"] == ALIKE
    assert np.isnan(row["explained"])
