"""Columns of one scale."""

import numpy as np
import pandas as pd

from bids_adapters.guesses.batteries import complete, guess_batteries
from bids_adapters.guesses.columns import look_at

N = 20


def guess(**gaps):
    rng = np.random.default_rng(0)
    names = [
        "asrs_1",
        "asrs_2",
        "asrs_10",
        "conners_inattention",
        "conners_hyper",
        "conners_peers",
        "conners_total",
    ]
    names += ["age_1", "age_2", "age_3", "mriqc_cjv", "mriqc_snr", "mriqc_efc", "q1", "q2"]
    table = pd.DataFrame({name: rng.normal(size=N) for name in names})
    for name, first in gaps.items():
        table.loc[: first - 1, name] = np.nan
    table.insert(0, "participant_id", [f"sub-{row}" for row in range(N)])
    return table, guess_batteries(table, look_at(table, {}))


def test_items_and_subscales_are_batteries_and_totals_are_no_part():
    _, found = guess()
    assert found == {
        "asrs_pc1": ("asrs_1", "asrs_2", "asrs_10"),
        "conners_pc1": ("conners_inattention", "conners_hyper", "conners_peers"),
    }


def test_a_battery_that_too_few_have_all_of_is_none():
    table, found = guess(asrs_1=5, asrs_2=11)
    assert "asrs_pc1" not in found
    assert complete(table, ("asrs_1", "asrs_2")) == 9


def test_those_of_adhd200_are_its_recipes():
    names = ("adhd_index_z", "inattentive_z", "hyper_impulsive_z", "verbal_iq", "performance_iq", "full4_iq")
    table = pd.DataFrame({name: np.arange(N) + place / 3 for place, name in enumerate(names)})
    table.insert(0, "participant_id", "sub-1")
    found = guess_batteries(table, look_at(table, {}))
    assert found == {"adhd_pc1": names[:3], "iq_pc1": names[3:]}
