"""A whole dataset, guessed from its cohort."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bids_adapters.cohort import Cohort
from bids_adapters.guesses.dataset import DatasetGuesses, guess_dataset

N = 24
NOBODY = pd.DataFrame(columns=["participant_id", "stage", "reason", "detail"])


def guess(described: Mapping[str, dict[str, Any]] | None = None, **more: list[Any]) -> DatasetGuesses:
    table = pd.DataFrame(
        {
            "participant_id": [f"sub-{row}" for row in range(N)],
            "image": [f"sub-{row}.nii" for row in range(N)],
            "group": None,
            "dx": [row % 2 for row in range(N)],
            "image_choice": "the only one",
        }
        | more
    )
    return guess_dataset(Cohort(table, dict(described or {}), NOBODY, NOBODY))


def test_sites_are_counted_by_group():
    found = guess(scanner=["A", "A", "B", "B"] * 5 + ["C"] * 4, manufacturer=["GE", "Siemens"] * 12)
    assert found.site == "scanner"
    assert found.by_site == {"A": (5, 5), "B": (5, 5), "C": (2, 2)}
    assert found.machines == ("manufacturer",)


def test_one_site_or_one_for_each_is_none():
    assert guess(site=["A"] * N).site == ""
    assert guess(site=[f"S{row}" for row in range(N)]).site == ""


def test_covariates_are_those_that_nearly_everybody_of_the_groups_has():
    age = [9.0 + row for row in range(N)]
    found = guess(
        {"tiv": {"Source": "cat12", "Origin": "CAT12"}}, age=age, sex=[0, 1, 1, 0] * 6, tiv=[1400.0, *age[1:]]
    )
    assert found.covariates == ("age", "sex", "tiv")
    assert (found.tiv_source, found.head_size) == ("cat12", "CAT12")
    found = guess(age_mri=[*age[:-2], None, None], sex=[1] * N)
    assert found.covariates == ()
    assert found.gaps == {"age_mri": 2}
    nearly = guess(age=[*age[:-1], None])
    assert (nearly.covariates, nearly.gaps) == (("age",), {"age": 1})


def test_what_somebody_of_no_group_lacks_is_no_gap():
    groups = ["HC", "ADHD"] * 11 + ["ASD"] * 2
    found = guess(dx=groups, age=[9.0 + row for row in range(22)] + [None, None])
    assert found.covariates == ("age",)


def test_raw_scores_give_way_to_those_within_their_instrument():
    scores = [float(row) for row in range(N)]
    scales = guess(
        adhd_index=scores, adhd_index_z=scores, adhd_measure=[1, 2, 3] * 8, dx=[0, 1, 2, 3] * 6
    ).scales
    assert scales["adhd_index"][0] == ""
    assert "adhd_index_z" in scales["adhd_index"][1]
    assert scales["adhd_measure"] == ("", "names an instrument")
    assert scales["dx"][0] == "nominal"
