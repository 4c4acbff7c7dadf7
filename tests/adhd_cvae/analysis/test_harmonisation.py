"""What maps and codes hold of site and covariates, before and after these are taken away."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis.harmonisation import (
    AFTER,
    BEFORE,
    HARMONISATION_COLUMNS,
    MAPS,
    harmonisation_table,
    stages_of,
)
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.refits import Adjusting, Fold, Refit
from adhd_cvae.config import ModelConfig
from adhd_cvae.models.harmonisation import fit_combat
from adhd_cvae.names import BACKGROUND, SALIENT, TARGET

MODEL = ModelConfig(salient=2, background=6)
INFERENCE = Inference(permutations=199)
AXES = 90


@pytest.fixture
def cohort():
    """Patients mostly at one of two sites, which differ in all axes, ages in one; every fold turned anew."""
    rng = np.random.default_rng(7)
    is_target = np.arange(160) % 2 == 0
    site = np.where(rng.random(160) < np.where(is_target, 0.7, 0.3), "A", "B")
    age = rng.uniform(8, 18, 160)
    scores = rng.standard_normal((160, AXES)) * np.linspace(3, 1, AXES)
    scores += np.outer(
        site == "A", 1.5 * np.linspace(3, 1, AXES) * rng.standard_normal(AXES)
    )  # in all axes: little is shrunk away
    scores[:, 1] += 1.5 * (age - 13)
    fold = np.arange(160) // 2 % 4
    table = pd.DataFrame({"group": np.where(is_target, TARGET, BACKGROUND), "site": site, "age": age})
    return scores, table.assign(fold=fold), is_target


def refit_of(scores, table, *, harmonise=True, residualised=False):
    rng, folds = np.random.default_rng(1), []
    adjusting = Adjusting(
        table["site"].to_numpy(), table[["age"]].to_numpy() - 13, 4, 0, harmonise, residualised
    )
    for number in range(4):
        outside = np.flatnonzero(table["fold"] != number)
        centred = scores - scores[outside].mean(axis=0)
        turn = np.linalg.qr(rng.standard_normal((AXES, AXES)))[0] if number else np.eye(AXES)
        held = (table["fold"] == number).to_numpy()
        folds.append(Fold((centred @ turn).astype(np.float32), outside, held, adjusting))
    return Refit(folds, table["site"].to_numpy(), MODEL, 0)


def spaces_of(is_target, site):
    """An s that holds nothing but the group, a z that holds the site."""
    rng = np.random.default_rng(2)
    salient, background = rng.standard_normal((2, len(is_target), 2))
    return {
        SALIENT: salient + 4 * is_target[:, None],
        BACKGROUND: background + 4 * (site.to_numpy() == "A")[:, None],
    }


def rows_by(table):
    return table.set_index(["space", "stage", "target", "group"])


def test_site_is_read_before_combat_and_not_after(cohort):
    scores, table, is_target = cohort
    spaces = spaces_of(is_target, table["site"])
    codes = stages_of(spaces, refit_of(scores, table), is_target)
    found = harmonisation_table(codes, table, "site", {"age": "ratio"}, INFERENCE)
    assert list(found.columns) == HARMONISATION_COLUMNS
    assert found["stage"].tolist() == [BEFORE, AFTER] * (len(found) // 2)
    rows = rows_by(found)
    for group in (TARGET, BACKGROUND):
        before, after = rows.loc[(MAPS, BEFORE, "site", group)], rows.loc[(MAPS, AFTER, "site", group)]
        assert before["score"] > 0.7 > before["null_p95"]
        assert after["score"] < after["null_p95"]
    assert rows.loc[(MAPS, AFTER, "age", BACKGROUND), "score"] > 0.7  # kept


def test_sites_are_asked_of_each_group_so_that_the_group_does_not_tell_them(cohort):
    _, table, is_target = cohort
    spaces = spaces_of(is_target, table["site"])
    rows = rows_by(harmonisation_table(stages_of(spaces, None, is_target), table, "site", {}, INFERENCE))
    assert set(rows.index) == {
        (space, BEFORE, "site", group) for space in (SALIENT, BACKGROUND) for group in (TARGET, BACKGROUND)
    }
    for group in (TARGET, BACKGROUND):
        assert rows.loc[(SALIENT, BEFORE, "site", group), "score"] < 0.65
        assert rows.loc[(BACKGROUND, BEFORE, "site", group), "score"] > 0.9


def test_what_each_fold_takes_away_is_taken_in_one_frame(cohort):
    scores, table, is_target = cohort
    refit = refit_of(scores, table, harmonise=False, residualised=True)
    found = stages_of({}, refit, is_target)
    frame = scores - scores[refit.folds[0].fitted].mean(axis=0)
    np.testing.assert_allclose(found[MAPS, BEFORE], frame[:, :6], atol=1e-5)
    # Regression knows no frame: done by hand on the axes of the first fold it is the same.
    for fold in refit.folds:
        how, known = fold.adjusting, fold.fitted
        assert how is not None
        part = (how.sites[known], how.covariates[known], is_target[known])
        combat = fit_combat(frame[known], *part, smallest=4, harmonise=False)
        expected = combat.transform(frame, how.sites, how.covariates, keep_covariates=False)[:, :6]
        np.testing.assert_allclose(found[MAPS, AFTER][fold.held_out], expected[fold.held_out], atol=1e-3)


def test_codes_before_are_of_models_of_maps_as_they_were(cohort):
    scores, table, is_target = cohort
    refit = refit_of(scores, table)
    own = spaces_of(is_target, table["site"])
    found = stages_of(own, refit, is_target)
    assert set(found) == {
        (space, stage) for space in (MAPS, SALIENT, BACKGROUND) for stage in (BEFORE, AFTER)
    }
    np.testing.assert_array_equal(found[SALIENT, AFTER], own[SALIENT])
    first = refit.folds[0]
    raw = refit.codes(replace(first, adjusting=None), is_target[first.fitted])
    np.testing.assert_allclose(
        found[SALIENT, BEFORE][first.held_out], raw[SALIENT][first.held_out], atol=1e-4
    )
    plain = replace(refit, folds=[replace(fold, adjusting=None) for fold in refit.folds])
    assert set(stages_of(own, plain, is_target)) == {(space, BEFORE) for space in (MAPS, SALIENT, BACKGROUND)}


def test_labels_of_those_held_out_change_nothing_of_their_maps(cohort):
    scores, table, is_target = cohort
    refit = refit_of(scores, table)
    flipped = is_target ^ (table["fold"] == 2).to_numpy()
    held = refit.folds[2].held_out
    first, second = (stages_of({}, refit, labels)[MAPS, AFTER] for labels in (is_target, flipped))
    np.testing.assert_array_equal(first[held], second[held])
    assert not np.allclose(first[~held], second[~held])


def test_a_site_that_is_a_fold_is_asked_of_the_maps_before_alone(cohort):
    scores, table, is_target = cohort
    apart = table.assign(fold=(table["site"] == "A").astype(int))
    codes = stages_of(spaces_of(is_target, table["site"]), refit_of(scores, table), is_target)
    found = harmonisation_table(codes, apart, "site", {"age": "ratio"}, INFERENCE)
    sites = found[found["target"] == "site"]
    assert set(zip(sites["space"], sites["stage"], strict=True)) == {(MAPS, BEFORE)}
    assert len(found[found["target"] == "age"]) == 6


def test_without_a_site_covariates_alone_are_asked(cohort):
    _, table, is_target = cohort
    codes = stages_of(spaces_of(is_target, table["site"]), None, is_target)
    found = harmonisation_table(codes, table.drop(columns="site"), None, {"age": "ratio"}, INFERENCE)
    assert found[["space", "group"]].to_numpy().tolist() == [[SALIENT, TARGET], [BACKGROUND, BACKGROUND]]
    assert list(harmonisation_table({}, table, "site", {}, INFERENCE).columns) == HARMONISATION_COLUMNS
