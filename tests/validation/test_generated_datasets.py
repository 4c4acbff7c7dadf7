"""No dataset of a few dozen is read otherwise than the truth; the check sees what is mixed up, and finds each bug."""

import subprocess
import sys

import pytest

from tests.validation.generated_datasets.bugs import BUGS
from tests.validation.generated_datasets.check import findings
from tests.validation.generated_datasets.kinds import KINDS, draw_study
from tests.validation.generated_datasets.product import Seen, in_process
from tests.validation.generated_datasets.run import dataset, found_after
from tests.validation.generated_datasets.write import write_study


def test_sixty_datasets_are_read_as_the_truth():
    outcomes = [dataset(seed) for seed in range(60) if not draw_study(seed).whole]
    assert [one for one in outcomes if one.findings] == []


def test_the_same_seed_gives_the_same_study():
    assert draw_study(7) == draw_study(7) != draw_study(8)


def test_each_kind_is_in_one_of_twenty_at_least():
    kinds = [draw_study(seed).kinds for seed in range(2000)]
    assert {kind for kind in KINDS if sum(kind in one for one in kinds) < 100} == set()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A study of which the product makes what it should, and what it made."""
    folder = tmp_path_factory.mktemp("generated") / "bids"
    study = next(one for one in map(draw_study, range(1000)) if one.kinds == "B")
    write_study(study, folder)
    seen = in_process(study, folder)
    assert list(findings(study, seen)) == []
    return study, seen


def with_cells(seen, **cells):
    """The same, with other cells in the first participant's row."""
    first = next(iter(seen.cohort))
    return Seen({**seen.cohort, first: seen.cohort[first] | cells}, seen.levels, seen.lines)


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"age": "99.5"}, "age is '99.5'"),
        ({"age": ""}, "age is ''"),
        ({"sex": "other"}, "one level has two codes"),
        ({"image": "another"}, "has another's map"),
        ({"group": "neither"}, "is neither; right is"),
        ({"note": "-9999.0"}, "a missing code is a number in ['note']"),
    ],
)
def test_another_cell_is_found(plain, cells, found):
    study, seen = plain
    assert any(found in one for one in findings(study, with_cells(seen, **cells)))


def test_who_is_missing_or_nobody_is_found(plain):
    study, seen = plain
    rows = dict(seen.cohort)
    rows["sub-nobody"] = rows.pop(next(iter(rows)))
    found = list(findings(study, Seen(rows, seen.levels, seen.lines)))
    assert any("is left out" in one for one in found)
    assert any("nobody is" in one for one in found)


def test_a_refusal_without_a_reason_is_found(plain):
    assert "refused: no" in next(findings(plain[0], Seen(refusal="no")))


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug):
    assert found_after(bug, 200) is not None


@pytest.mark.slow
def test_a_campaign_goes_on_where_it_stopped(tmp_path):
    for datasets in ("40", "80"):
        command = [sys.executable, "-m", "tests.validation.generated_datasets.run", str(tmp_path)]
        command += ["--datasets", datasets, "--seed", "100"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert f"{datasets} datasets (" in ended.stdout
        assert "through the command line), 0 not as the truth" in ended.stdout
