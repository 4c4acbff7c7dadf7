"""Settings of healthy anatomy learnt for others."""

import pytest
from pydantic import ValidationError

from adhd_cvae.config import Recipe, ReferenceConfig


def test_a_recipe_has_them():
    assert Recipe().reference == ReferenceConfig()


@pytest.mark.parametrize(
    ("name", "value"), [("least_participants", 9), ("shareable_auc", 0.5), ("membership_axes", [0])]
)
def test_what_makes_no_sense_is_refused(name, value):
    with pytest.raises(ValidationError, match=name):
        ReferenceConfig(**{name: value})
