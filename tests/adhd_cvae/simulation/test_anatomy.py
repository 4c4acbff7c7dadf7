"""A population's patterns: the same in every cohort, other ones in another population."""

import numpy as np

from adhd_cvae.simulation.anatomy import shared_atlas, smooth_field


def test_a_field_is_smooth_and_follows_from_its_generator():
    first, again = (smooth_field(np.random.default_rng(3), (12, 14, 12), 4.0) for _ in range(2))
    assert first.shape == (12, 14, 12)
    assert np.array_equal(first, again)
    assert np.abs(np.diff(first, axis=0)).mean() < 0.5 * first.std()


def test_planted_severities_act_around_their_centres():
    atlas = shared_atlas(6)
    assert atlas is shared_atlas(6)
    for name, pattern in atlas.factors.items():
        assert pattern.shape == atlas.template.shape
        assert 0.5 < pattern.max() <= 1
        voxel = np.linalg.inv(atlas.affine) @ [*atlas.centres[name][0], 1]
        assert pattern[tuple(np.round(voxel[:3]).astype(int))] > 0.5


def test_another_population_has_other_places():
    own, other = shared_atlas(6).centres, shared_atlas(6, 1).centres
    assert set(own) == set(other)
    assert all(set(map(tuple, own[name])) != set(map(tuple, other[name])) for name in own)
