import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhd_cvae.cohort.matching import balance_cohort, is_asked
from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.names import EXCLUSION_COLUMNS

EXACT = ("sex", "site")


def people(*rows: tuple[str, int | None, int | None, float | None]) -> pd.DataFrame:
    """Group as a letter, site, sex, age."""
    table = pd.DataFrame(rows, columns=["group", "site", "sex", "age"])
    table["group"] = table["group"].map({"t": "target", "b": "background"})
    table = table.astype({"site": "Int64", "sex": "Int64", "age": "float64"})
    table.insert(0, "participant_id", [f"sub-{one}" for one in range(len(table))])
    return table


def kept_and_gone(table: pd.DataFrame, seed: int = 0, **asked) -> tuple[list[str], dict[str, str]]:
    kept, gone = balance_cohort(table, CohortConfig(**asked), EXACT, seed)
    assert tuple(gone.columns) == EXCLUSION_COLUMNS
    assert set(gone["stage"]) <= {"balance"}
    assert list(kept.index) == list(range(len(kept)))
    reasons = dict(zip(gone["participant_id"], gone["reason"], strict=True))
    assert len(reasons) == len(gone)
    assert set(kept["participant_id"]) | set(reasons) == set(table["participant_id"])
    assert not set(kept["participant_id"]) & set(reasons)
    return kept["participant_id"].tolist(), reasons


def test_nothing_is_done_unless_asked():
    table = people(("t", 1, 0, 10), ("b", 2, 1, 50))
    assert not is_asked(CohortConfig())
    assert kept_and_gone(table) == (["sub-0", "sub-1"], {})
    assert is_asked(CohortConfig(match=("age",)))
    assert is_asked(CohortConfig(max_ratio=2))


def test_sites_of_one_group_go_and_an_unknown_site_stays():
    table = people(("t", 1, 0, 1), ("b", 1, 0, 1), ("b", 2, 0, 1), ("t", 3, 0, 1), ("b", None, 0, 1))
    kept, gone = kept_and_gone(table, drop_one_group_sites=True)
    assert kept == ["sub-0", "sub-1", "sub-4"]
    assert gone == {"sub-2": "one_group_site", "sub-3": "one_group_site"}


def test_pairs_are_as_many_as_can_be_and_then_the_nearest():
    # The nearest control of the first patient is the only one within reach of the second.
    table = people(
        ("t", 1, 0, 10.0), ("t", 1, 0, 11.0), ("b", 1, 0, 10.1), ("b", 1, 0, 9.1), ("b", 1, 0, 30.0)
    )
    kept, gone = kept_and_gone(table, match=("age",), caliper=0.13)
    assert kept == ["sub-0", "sub-1", "sub-2", "sub-3"]
    assert gone == {"sub-4": "unmatched"}


def test_codes_agree_whatever_their_distance():
    table = people(("t", 1, 0, 10), ("b", 1, 1, 10), ("b", 1, 0, 12), ("t", 2, 1, 10))
    kept, gone = kept_and_gone(table, match=("age", "sex", "site"), caliper=5)
    assert kept == ["sub-0", "sub-2"]
    assert set(gone.values()) == {"unmatched"}


def test_nobody_is_matched_on_a_value_that_is_missing():
    table = people(
        ("t", 1, None, 10), ("b", 1, None, 10), ("t", 1, 1, 10), ("b", 1, 1, 10), ("b", 1, 1, None)
    )
    _, gone = balance_cohort(table, CohortConfig(match=("age", "sex")), EXACT, 0)
    assert gone["detail"].tolist() == ["no value of sex", "no value of sex", "no value of age"]


def test_matching_leaves_no_new_site_of_one_group():
    # Across sites, the patient of site 1 would take the control of site 2.
    table = people(("t", 1, 0, 10), ("b", 1, 0, 14), ("t", 2, 0, 18), ("b", 2, 0, 10), ("b", 3, 0, 10))
    kept, _ = balance_cohort(
        table, CohortConfig(drop_one_group_sites=True, match=("age",), caliper=2), EXACT, 0
    )
    assert set(kept.groupby("site")["group"].nunique()) == {2}


def test_the_larger_group_of_each_site_is_capped_with_the_seed():
    rows = [("t", 1, 0, 1.0)] * 4 + [("b", 1, 0, 1.0)] * 30 + [("b", 2, 0, 1.0)] * 3 + [("t", 3, 0, 1.0)] * 5
    table = people(*rows, ("b", 3, 0, 1.0), ("b", 3, 0, 1.0))
    kept, gone = kept_and_gone(table, seed=1, max_ratio=1.5)
    counts = table[table["participant_id"].isin(kept)].groupby(["site", "group"]).size().to_dict()
    assert counts == {
        (1, "target"): 4,
        (1, "background"): 6,
        (2, "background"): 3,
        (3, "target"): 3,
        (3, "background"): 2,
    }
    assert set(gone.values()) == {"over_ratio"}
    assert kept_and_gone(table, seed=1, max_ratio=1.5)[0] == kept
    assert kept_and_gone(table, seed=2, max_ratio=1.5)[0] != kept


def test_without_sites_the_whole_cohort_is_capped():
    table = people(*[("t", 1, 0, 1.0)] * 2, *[("b", 2, 0, 1.0)] * 9)
    assert len(kept_and_gone(table, max_ratio=2, site=None)[0]) == 6


def test_what_cannot_be_done_is_named():
    table = people(("t", 1, 0, 10), ("b", 1, 0, 99)).assign(word=["x", "y"])
    with pytest.raises(
        InputError, match=r"cohort\.match names 'iq', which .* \(found: participant_id, group"
    ):
        kept_and_gone(table, match=("iq",))
    with pytest.raises(InputError, match="'word', which holds text"):
        kept_and_gone(table, match=("word",))
    with pytest.raises(InputError, match="needs a site, and there is no column 'place'"):
        kept_and_gone(table, drop_one_group_sites=True, site="place")
    with pytest.raises(InputError, match=r"leaves nobody in the target group \(unmatched 2\)"):
        kept_and_gone(table, match=("age",))


PERSON = st.tuples(
    st.sampled_from("tb"),
    st.sampled_from([1, 2, None]),
    st.sampled_from([0, 1, None]),
    st.one_of(st.none(), st.integers(6, 18).map(float)),
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(PERSON, min_size=1, max_size=14),
    match=st.sets(st.sampled_from(["age", "sex", "site"])),
    drop=st.booleans(),
    ratio=st.one_of(st.none(), st.floats(1, 4)),
)
def test_nobody_is_lost_without_a_line(rows, match, drop, ratio):
    table = people(*rows)
    try:
        kept, _ = kept_and_gone(table, match=tuple(sorted(match)), drop_one_group_sites=drop, max_ratio=ratio)
    except InputError as error:
        assert len(error.problems) == 1  # noqa: PT017
        return
    part = table[table["participant_id"].isin(kept)]
    if match and (ratio is None or drop or "site" in match):  # else the cap of a site may part a pair
        assert list(part["group"]).count("target") == list(part["group"]).count("background")
        for name in match & {"sex", "site"}:
            counts = pd.crosstab(part[name], part["group"])
            assert np.array_equal(counts["target"], counts["background"])
    if drop:
        assert (part.dropna(subset="site").groupby("site")["group"].nunique() == 2).all()
