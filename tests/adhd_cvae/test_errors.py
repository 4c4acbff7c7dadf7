"""What an error carries, and how names are listed."""

import pytest

from adhd_cvae.errors import ImageError, InputError, named


def test_an_error_has_a_line_for_each_problem():
    error = InputError("no column 'a'", "no column 'b'")
    assert error.problems == ("no column 'a'", "no column 'b'")
    assert str(error) == "no column 'a'\nno column 'b'"
    assert isinstance(error, ValueError)


def test_a_map_that_cannot_be_used_has_a_code_beside_its_line():
    error = ImageError("not_3d", "map.nii has shape (3, 3)")
    assert (error.reason, error.detail) == ("not_3d", "map.nii has shape (3, 3)")
    assert error.problems == ("not_3d: map.nii has shape (3, 3)",)
    with pytest.raises(InputError, match=r"^not_3d: map"):
        raise error


@pytest.mark.parametrize(
    ("names", "most", "expected"),
    [
        (["age", "sex"], 2, "age, sex"),
        (["age", "sex", "site"], 2, "age, sex and 1 more"),
        (["", "age"], 30, "(no name), age"),
        ([], 30, ""),
    ],
)
def test_names_are_listed_up_to_a_number(names, most, expected):
    assert named(names, most) == expected


def test_a_name_of_any_length_is_cut_and_stays_in_its_line():
    assert len(named(["word " * 1000])) <= 60
    assert named(["word " * 1000]).endswith("…")
    assert named(["first\nsecond"]) == "first second"
