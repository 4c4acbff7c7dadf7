"""Verdicts follow the written rule, and no cohort makes them fail."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis.claims import CLAIM_COLUMNS, OneCluster, Relation, claims_table
from adhd_cvae.analysis.mixture import (
    MIXTURE_COLUMNS,
    MIXTURE_TEST_COLUMNS,
    mixture_table,
    mixture_test_table,
)
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.rsa.table import RSA_COLUMNS, rsa_table

NO_MIXTURE = (pd.DataFrame(columns=MIXTURE_COLUMNS), pd.DataFrame(columns=MIXTURE_TEST_COLUMNS))
NAN = np.nan


def relations(here=(0.2, 0.001), there=(0.0, 0.9), difference=(0.2, 0.1, 0.3), note=None, chance=0.0):
    rows = [
        {
            "space": space,
            "variable": "score",
            "n": 50,
            "tau": tau,
            "ci_low": tau - 0.05,
            "ci_high": tau + 0.05,
            "p_fdr": p,
            "null_mean": chance,
            "note": note,
        }
        for space, (tau, p) in (("salient", here), ("background", there))
    ]
    table = pd.DataFrame(rows, columns=RSA_COLUMNS)
    names = ["difference", "difference_ci_low", "difference_ci_high"]
    table[names] = [list(difference), [NAN] * 3]
    return table


def judged(rsa, space="salient", columns=("score_z", "score")):
    table = claims_table([Relation(space, "the score", columns)], rsa, *NO_MIXTURE)
    assert list(table.columns) == CLAIM_COLUMNS
    return table.iloc[0]


@pytest.mark.parametrize(
    ("case", "verdict", "reason"),
    [
        ({}, "supported", "and more than in z"),
        ({"difference": (0.1, -0.1, 0.3)}, "supported", "not shown to be more than in z"),
        ({"difference": (-0.1, -0.3, 0.1)}, "not supported", "z shows it no less"),
        (
            {"there": (0.5, 0.001), "difference": (-0.3, -0.4, -0.2)},
            "contradicted",
            "z is related to it, and more",
        ),
        (
            {"here": (0.0, 0.9), "there": (0.3, 0.01), "difference": (-0.3, -0.4, -0.2)},
            "contradicted",
            "z is related",
        ),
        (
            {"here": (0.0, 0.9), "there": (0.3, 0.01), "difference": (-0.1, -0.4, 0.1)},
            "not supported",
            "beyond chance; z is",
        ),
        (
            {"here": (0.0, 0.9), "difference": (-0.3, -0.4, -0.2)},
            "not supported",
            "s is not related to it beyond chance",
        ),
        ({"here": (-0.2, 0.001)}, "contradicted", "nearer in s than by chance"),
        ({"chance": 0.3}, "contradicted", "nearer in s than by chance"),
        ({"difference": (NAN, NAN, NAN)}, "supported", "no other space to compare with"),
        ({"here": (NAN, NAN), "note": "it is constant"}, "not testable", "it is constant"),
        ({"note": "permuted freely: it does not vary"}, "supported", "; permuted freely"),
    ],
)
def test_the_rule_of_a_relation(case, verdict, reason):
    row = judged(relations(**case))
    assert row["verdict"] == verdict
    assert reason in row["reason"]
    assert row["variable"] == "score"
    assert row["n"] == 50


def test_a_claim_about_the_background_turns_the_difference_round():
    row = judged(relations(here=(0.4, 0.001), there=(0.1, 0.5), difference=(0.3, 0.2, 0.4)), "background")
    assert row["verdict"] == "contradicted"
    assert row[["difference", "difference_ci_low", "difference_ci_high"]].tolist() == [-0.3, -0.4, -0.2]
    assert row["claim"] == "z is related to the score"


def test_the_first_column_that_is_there_stands_for_the_claim():
    rsa = relations()
    both = pd.concat([rsa, rsa.assign(variable="score_z", tau=0.3)])
    assert judged(both)["variable"] == "score_z"
    absent = judged(rsa, columns=("iq_z", "iq"))
    assert absent["verdict"] == "not testable"
    assert absent["reason"] == "not among the variables of this cohort: iq_z or iq"
    alone = judged(rsa[rsa["space"] == "background"])
    assert alone["reason"] == "there is no salient space"


def test_one_space_and_no_row_at_all():
    assert judged(relations()[:1].assign(difference=NAN))["verdict"] == "supported"
    assert judged(pd.DataFrame(columns=RSA_COLUMNS))["verdict"] == "not testable"
    assert claims_table([], relations(), *NO_MIXTURE).empty


def mixtures(best, p_values):
    rows = [("salient", form, k, float(k != low)) for form, low in best.items() for k in (1, 2)]
    table = pd.DataFrame(rows, columns=["space", "covariance", "k", "bic"])
    tests = pd.DataFrame(
        {"space": "salient", "covariance": list(p_values), "p_value": list(p_values.values())}
    )
    return table, tests.assign(n=50, note=None)


@pytest.mark.parametrize(
    ("best", "p_values", "verdict"),
    [
        ({"full": 1, "tied": 1}, {"full": 0.5, "tied": 0.04}, "supported"),  # 0.04 does not pass Bonferroni
        ({"full": 1, "tied": 1}, {"full": 0.5, "tied": 0.01}, "not supported"),
        ({"full": 1, "tied": 2}, {"full": 0.5, "tied": 0.01}, "not supported"),
        ({"full": 2, "tied": 2}, {"full": 0.5, "tied": 0.01}, "not supported"),
        ({"full": 2, "tied": 2}, {"full": 0.01, "tied": 0.01}, "contradicted"),
        ({"full": 1, "diag": 2}, {"full": 0.5, "diag": 0.01}, "supported"),  # correlation is no cluster
        ({"diag": 2, "spherical": 2}, {"diag": 0.01, "spherical": 0.01}, "not testable"),
        ({"full": 2}, {"full": NAN}, "not testable"),
    ],
)
def test_the_rule_of_one_cluster(best, p_values, verdict):
    table = claims_table([OneCluster("salient")], relations(), *mixtures(best, p_values))
    assert table["verdict"].tolist() == [verdict]
    assert table["claim"].tolist() == ["s forms one cluster"]
    assert table["reason"].notna().all()


def test_a_planted_dissociation_is_found_and_noise_supports_nothing():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"score": rng.normal(size=80), "iq": rng.normal(size=80), "noise": rng.normal(size=80)}
    )
    spaces = {
        "salient": frame[["score"]].to_numpy() + 0.3 * rng.normal(size=(80, 1)),
        "background": frame[["iq"]].to_numpy() + 0.3 * rng.normal(size=(80, 2)),
    }
    rsa = rsa_table(spaces, frame, dict.fromkeys(frame, "ratio"), Inference(permutations=199, bootstraps=99))
    mixture = mixture_table({name: values[None] for name, values in spaces.items()}, max_components=3)
    tests = mixture_test_table(spaces, Inference(bootstraps=49))
    claims = [Relation("salient", name, (name,)) for name in frame] + [OneCluster("salient")]
    table = claims_table(claims, rsa, mixture, tests)
    assert table["verdict"].tolist() == ["supported", "contradicted", "not supported", "supported"]
