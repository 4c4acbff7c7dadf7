"""A verdict stands only where every check reproduces it, and the reason names the one that does not."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis.claim_checks import (
    CHECK_COLUMNS,
    EQUAL_SIZE,
    HELD_CONSTANT,
    Study,
    Tables,
    checked_claims,
)
from adhd_cvae.analysis.claims import CLAIM_COLUMNS, OneCluster, Relation
from adhd_cvae.analysis.mixture import (
    MIXTURE_COLUMNS,
    MIXTURE_TEST_COLUMNS,
    mixture_table,
    mixture_test_table,
)
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.rsa.partial import held_columns
from adhd_cvae.analysis.rsa.table import rsa_table

N = 90
FOLDS = np.arange(N) % 3
CLAIM = [Relation("salient", "the score", ("score",))]
LEFT_OUT = [f"fold {fold} left out" for fold in range(3)]


def tables_of(study: Study, held=(), clusters=False) -> Tables:
    constant = held_columns(study.variables, None, held)
    rsa = rsa_table(study.spaces, study.variables, study.scales, study.inference, held=constant, n_jobs=1)
    if not clusters:
        return Tables(rsa, pd.DataFrame(columns=MIXTURE_COLUMNS), pd.DataFrame(columns=MIXTURE_TEST_COLUMNS))
    salient = np.asarray(study.spaces["salient"])
    mixture = mixture_table({"salient": salient[None]}, max_components=2)
    return Tables(rsa, mixture, mixture_test_table({"salient": salient}, Inference(bootstraps=49)))


def study_of(salient, background, *, folds=FOLDS, **variables) -> Study:
    frame = pd.DataFrame(variables)
    inference = Inference(permutations=199, bootstraps=99)
    spaces = {"salient": salient, "background": background}
    return Study(spaces, frame, dict.fromkeys(frame, "ratio"), inference, folds)


def judged(study, claims=CLAIM, held=(), **more):
    clusters = isinstance(claims[0], OneCluster)
    found, checks = checked_claims(claims, tables_of(study, held, clusters), study, **more)
    assert list(found.columns) == CLAIM_COLUMNS
    assert list(checks.columns) == CHECK_COLUMNS
    return found.iloc[0], checks


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def coded(values, rng, noise=0.3):
    return np.column_stack([values]) + noise * rng.normal(size=(len(values), 2))


def test_a_planted_relation_stands_under_every_check(rng):
    score, age = rng.normal(size=(2, N))
    study = study_of(coded(score, rng), rng.normal(size=(N, 4)), score=score, age=age)
    row, checks = judged(study, held=["age"])
    assert checks["check"].tolist() == [*LEFT_OUT, HELD_CONSTANT, EQUAL_SIZE]
    assert set(checks["verdict"]) == {"supported"}
    assert checks["n"].tolist() == [60, 60, 60, 90, 90]
    assert checks["tau"].between(0.3, 1).all()
    assert row[["verdict", "checks", "agree"]].tolist() == ["supported", 5, 5]


def test_a_relation_of_one_fold_alone_is_unstable(rng):
    score = rng.normal(size=N)
    score[FOLDS == 1] *= 5
    salient = np.where((FOLDS == 1)[:, None], coded(score, rng), rng.normal(size=(N, 2)))
    row, checks = judged(study_of(salient, rng.normal(size=(N, 2)), score=score))
    assert row["verdict"] == "unstable"
    assert row["reason"].startswith("supported (beyond chance")
    assert "fold 1 left out: not supported" in row["reason"]
    assert "fold 0" not in row["reason"]
    assert row["checks"] == 3  # both spaces have one size, and nothing is held constant
    assert row["agree"] == 2
    assert checks["verdict"].tolist() == ["supported", "not supported", "supported"]


def test_a_relation_with_age_alone_is_unstable(rng):
    age = rng.normal(size=N)
    study = study_of(
        coded(age, rng), rng.normal(size=(N, 2)), score=age + 0.3 * rng.normal(size=N), age=age, folds=None
    )
    row, checks = judged(study, held=["age"])
    assert row["verdict"] == "unstable"
    assert row["checks"] == 1
    assert f"{HELD_CONSTANT}: not supported" in row["reason"]
    assert "held constant: age" in checks["note"].iloc[0]


def test_a_relation_in_small_components_of_the_larger_space_is_unstable(rng):
    score = rng.normal(size=N)
    background = np.column_stack([1.6 * rng.normal(size=(N, 2)), coded(score, rng)])
    study = study_of(rng.normal(size=(N, 2)), background, score=score)
    row, _ = judged(study, [Relation("background", "the score", ("score",))])
    assert row["verdict"] == "unstable"
    assert f"({EQUAL_SIZE}: not supported)" in row["reason"]


def test_the_smaller_space_stays_as_it_is_and_rotation_changes_nothing(rng):
    score = rng.normal(size=N)
    salient, background = coded(score, rng, 1), rng.normal(size=(N, 5)) * np.arange(1, 6)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    found = [
        judged(study_of(salient, codes, score=score))[1] for codes in (background, background @ turn + 3)
    ]
    pd.testing.assert_frame_equal(*found)
    whole = rsa_table(
        {"salient": salient}, pd.DataFrame({"score": score}), {"score": "ratio"}, Inference(9, 0)
    )
    assert found[0]["tau"].iloc[-1] == whole["tau"].iloc[0]


def test_a_contradiction_by_the_other_space_is_reproduced_by_its_interval(rng):
    score = rng.normal(size=N)
    row, checks = judged(study_of(rng.normal(size=(N, 2)), coded(score, rng), score=score))
    assert row[["verdict", "checks", "agree"]].tolist() == ["contradicted", 3, 3]
    assert checks["note"].str.startswith("z is related to it, and more than s").all()


def test_what_is_not_supported_is_not_unstable_and_what_is_not_testable_not_asked(rng):
    study = study_of(*rng.normal(size=(2, N, 2)), score=rng.normal(size=N))
    claims = [*CLAIM, Relation("salient", "IQ", ("iq",))]
    found, checks = checked_claims(claims, tables_of(study), study)
    assert found["verdict"].tolist() == ["not supported", "not testable"]
    assert found["checks"].tolist() == [3, 0]
    assert set(checks["claim"]) == {"s is related to the score"}


def test_a_check_that_cannot_be_made_is_not_counted(rng):
    score = rng.normal(size=N)
    score[FOLDS != 0] = np.nan  # without fold 0 nobody is left
    study = study_of(coded(np.nan_to_num(score), rng), rng.normal(size=(N, 2)), score=score)
    row, checks = judged(study)
    assert checks["verdict"].tolist() == ["not testable", "supported", "supported"]
    assert row[["verdict", "checks", "agree"]].tolist() == ["supported", 2, 2]


def test_permutations_of_a_check_are_few_and_its_p_value_not_corrected(rng):
    score = rng.normal(size=N)
    study = study_of(coded(score, rng), rng.normal(size=(N, 2)), score=score)
    _, checks = judged(study, permutations=24)
    assert checks["p_value"].tolist() == pytest.approx([1 / 25] * 3)


def test_a_seed_that_disagrees_makes_a_claim_unstable(rng):
    score = rng.normal(size=N)
    study = study_of(coded(score, rng), rng.normal(size=(N, 2)), score=score, folds=None)
    other = tables_of(study._replace(spaces={**study.spaces, "salient": rng.normal(size=(N, 2))}))
    row, checks = judged(study, seeds={0: tables_of(study), 7: other})
    assert checks["check"].tolist() == ["seed 0", "seed 7"]
    assert row["verdict"] == "unstable"
    assert "(seed 7: not supported)" in row["reason"]


def test_one_cluster_is_asked_of_the_other_folds_by_bic(rng):
    claim = [OneCluster("salient")]
    salient, background = rng.normal(size=(2, N, 2))
    row, checks = judged(study_of(salient, background, score=rng.normal(size=N)), claim)
    assert row[["verdict", "checks", "agree"]].tolist() == ["supported", 3, 3]
    assert checks["n"].tolist() == [60, 60, 60]
    # Fold 2 lies apart: without it there is one cluster.
    apart = salient + np.where(FOLDS == 2, 9, 0)[:, None]
    row, checks = judged(study_of(apart, background, score=rng.normal(size=N)), claim)
    assert row["verdict"] == "unstable"
    assert "fold 2 left out" in row["reason"]
    assert "fold 1 left out" not in row["reason"]
