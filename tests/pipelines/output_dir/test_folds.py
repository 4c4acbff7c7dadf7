"""folds.tsv: read in the order of the cohort; edited, it decides; what cannot be held out is refused with a line."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json, read_tsv, write_tsv
from pipelines.output_dir.folds import read_folds, write_folds
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.results import Results

NAMES = [f"sub-{number}" for number in range(12)]
COHORT = pd.DataFrame({"participant_id": NAMES, "group": ["target", "background"] * 6})
FOLDS = pd.Series(np.arange(12) // 2 % 3)


@pytest.fixture
def paths(tmp_path):
    found = OutputPaths(tmp_path)
    write_folds(COHORT, FOLDS, found)
    return found


def test_folds_come_back_in_the_order_of_the_cohort(paths):
    np.testing.assert_array_equal(read_folds(COHORT, paths), FOLDS)
    np.testing.assert_array_equal(read_folds(COHORT.iloc[::-1], paths), FOLDS[::-1])
    assert "fold" in read_json(paths.folds.with_suffix(".json"))


def test_edited_folds_decide_whatever_their_numbers(paths):
    write_tsv(read_tsv(paths.folds).assign(fold=[7, 7, 9] * 4).iloc[::-1], paths.folds)
    assert read_folds(COHORT, paths).tolist() == [7, 7, 9] * 4


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda table: table.iloc[1:], r"names sub-0 or cohort\.tsv does, but not both"),
        (lambda table: table.replace("sub-3", "sub-x"), r"names sub-3 or cohort\.tsv does, but not both"),
        (lambda table: table.assign(fold=[np.nan] + [0, 1] * 5 + [0]), "has a fold that is no whole number"),
        (lambda table: table.assign(fold=[0.5] + [0, 1] * 5 + [0]), "has a fold that is no whole number"),
        (lambda table: table.assign(fold="a"), "column 'fold' holds 'a'; expected numbers"),
        (lambda table: table.assign(fold=4), "all are in fold 4"),
        (lambda table: table.assign(fold=[0, 1] * 6), "without fold 0, 0 of the target group to train on"),
        (lambda table: pd.concat([table, table]), "names sub-0 twice"),
    ],
)
def test_what_cannot_be_held_out_is_one_line(paths, change, expected):
    write_tsv(change(read_tsv(paths.folds)), paths.folds)
    with pytest.raises(InputError, match=expected):
        read_folds(COHORT, paths)


def test_without_folds_the_verb_that_deals_them_is_named(paths):
    paths.folds.unlink()
    with pytest.raises(InputError, match=r"by version 0\.1, which had no folds. Run `adhd-cvae prepare"):
        read_folds(COHORT, paths)


def test_the_report_knows_folds_of_this_cohort_only(paths):
    write_tsv(COHORT.assign(image="n/a"), paths.cohort)
    assert Results(paths.folder).fold_of_each == FOLDS.tolist()
    write_tsv(COHORT.iloc[:6].assign(image="n/a"), paths.cohort)
    assert Results(paths.folder).fold_of_each == FOLDS[:6].tolist()
    write_tsv(COHORT.replace("sub-3", "sub-x").assign(image="n/a"), paths.cohort)
    assert Results(paths.folder).fold_of_each == []
