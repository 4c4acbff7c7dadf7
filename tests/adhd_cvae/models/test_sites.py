"""What a decoder takes for sites: those with enough participants, and the average of them for any other."""

import numpy as np

from adhd_cvae.config import ModelConfig
from adhd_cvae.models.sites import known_sites, site_columns

CONFIG = ModelConfig(condition_on_site=True)
SITES = np.repeat(["b", "a", "few", "c"], [9, 4, 3, 5])


def test_sites_with_enough_participants_are_known_where_the_decoder_is_conditioned_on_them():
    assert known_sites(CONFIG, SITES) == ("a", "b", "c")
    assert known_sites(CONFIG, SITES[:9]) == known_sites(CONFIG, None) == ()
    assert known_sites(ModelConfig(), SITES) == ()


def test_a_site_that_was_not_met_or_is_not_given_is_the_average():
    columns = site_columns(["c", "new", "a"], ("a", "b", "c"), 3)
    np.testing.assert_allclose(columns, [[0, 0, 1], [1 / 3] * 3, [1, 0, 0]], atol=1e-6)
    assert np.array_equal(site_columns(None, ("a", "b"), 2), np.full((2, 2), 0.5))
    assert site_columns(SITES, (), 21).shape == (21, 0)
