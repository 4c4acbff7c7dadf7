import pytest

from adhd_cvae.errors import InputError
from bids_adapters.images.filter import matches, read_filter


def test_the_gray_matter_query_of_a_shared_filter_file() -> None:
    assert read_filter({"t1w": {"session": "1"}, "gm": {"ses": "02", "desc": None}}) == {
        "session": "02",
        "desc": None,
    }
    assert read_filter({"probseg": {"space": "MNI152Lin"}}) == {"space": "MNI152Lin"}
    assert read_filter({"session": ["1", "2"]}) == {"session": ["1", "2"]}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "is not an object"),
        ({"t1w": {"session": "1"}}, r"no query 'gm' \(found: t1w\)"),
        ({"gm": {"sesion": "1"}}, "Did you mean 'session'"),
        ({"gm": {"zzz": "1"}}, "Known: subject, session"),
    ],
)
def test_a_filter_that_cannot_be_meant(content: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_filter(content)


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        ({"session": "1"}, True),
        ({"session": "ses-01"}, True),
        ({"session": 2}, False),
        ({"session": ["2", "1"]}, True),
        ({"desc": None}, True),
        ({"session": None}, False),
        ({"session": "*"}, True),
        ({"desc": "*"}, False),
        ({"session": "1", "space": "T1w"}, False),
        ({}, True),
    ],
)
def test_values(wanted: dict[str, object], passes: bool) -> None:
    assert matches({"session": "01", "space": "MNI152Lin"}, wanted) == passes
