import numpy as np
import pandas as pd
import pytest

from tests.validation.calibration import rejections as calibration
from tests.validation.calibration.figure import calibration_figure
from tests.validation.calibration.null_studies import simulate_study
from tests.validation.calibration.rejections import calibration_table, simulated_rejections

STUDIES = 24
QUICK = (calibration._rsa, calibration._partial, calibration._silhouettes, calibration._brain_maps)


def rates(planted, *, site_effects, studies):
    found = [
        simulated_rejections(number, site_effects=site_effects, planted=planted, tests=QUICK)
        for number in range(studies)
    ]
    return pd.DataFrame(found).mean()


def test_where_sites_differ_tests_within_sites_hold_and_free_ones_do_not():
    found = rates(False, site_effects=True, studies=STUDIES)
    free = found.index.str.startswith("RSA free")
    assert found[~free].max() <= 6 / STUDIES  # more has a probability of 0.0005 each at a rate of 5 %
    assert found["RSA free, nominal"] > 8 / STUDIES
    assert found["RSA free, any after FDR"] > 8 / STUDIES


def test_a_planted_effect_is_found():
    found = rates(True, site_effects=False, studies=10)
    for statistic in (
        "RSA within site, ratio",
        "RSA free, ratio",
        "partial RSA, ratio",
        "voxels, by group, any",
    ):
        assert found[statistic] > 0.2


def test_every_test_answers_and_the_same_number_answers_the_same(monkeypatch):
    monkeypatch.setattr(calibration, "PERMUTATIONS", 19)
    monkeypatch.setattr(calibration, "MIXTURE_BOOTSTRAPS", 2)
    found = simulated_rejections(0, site_effects=False, planted=True)
    assert len(found) == 30
    assert set(found.values()) <= {0.0, 1.0}
    again = simulated_rejections(0, site_effects=False, planted=True)
    assert found == again


def test_planted_is_all_that_differs_between_participants_of_alike_sites():
    studies = [
        simulate_study(np.random.default_rng(1), site_effects=False, planted=planted)
        for planted in (False, True)
    ]
    assert studies[0].site is None
    np.testing.assert_array_equal(studies[0].variables, studies[1].variables)
    np.testing.assert_array_equal(studies[0].salient[:, 3], studies[1].salient[:, 3])
    assert not np.array_equal(studies[0].salient[:, 0], studies[1].salient[:, 0])


@pytest.mark.parametrize(
    ("rejections", "verdict"), [(0, "too few"), (4, "holds"), (10, "holds"), (20, "holds"), (30, "too many")]
)
def test_verdict(rejections, verdict):
    outcomes = pd.DataFrame(
        {
            "statistic": "p",
            "site_effects": False,
            "planted": False,
            "number": range(200),
            "rejected": np.arange(200) < rejections,
        }
    ).astype({"rejected": float})
    untested = outcomes.assign(
        statistic="q", rejected=np.where(np.arange(200) % 2, np.nan, 0.0), planted=True
    )
    table = calibration_table(pd.concat([outcomes, untested]))
    assert table["verdict"].tolist() == [verdict, "power"]
    assert table["simulations"].tolist() == [200, 100]
    assert table["rejections"].tolist() == [rejections, 0]
    assert table["low"][0] <= rejections / 200 <= table["high"][0]
    figure = calibration_figure(table)
    assert len(figure.axes) == 2
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["p", "q"]
