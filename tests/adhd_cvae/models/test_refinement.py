"""What s reads of the background is taken away, as far as held-out controls tell."""

import numpy as np
import pytest

from adhd_cvae.config import ModelConfig
from adhd_cvae.models.linear import LinearModel, LinearSpace, fit_linear, site_maps
from adhd_cvae.models.ratio import Ratio
from adhd_cvae.models.reference_background import Borrowed
from adhd_cvae.models.refinement import linear_solution, without_background

BACKGROUND, EFFECT, VOXELS = (0, 1, 2), 10, 20
READ = np.array([0.8, 0.0, -0.5])
"""How much of each background unit the salient unit reads."""


def draw(participants, seed=0):
    """Voxels of which three are shared variation and one is the patients' effect; the groups."""
    rng = np.random.default_rng(seed)
    voxels = rng.standard_normal((participants, VOXELS))
    is_target = np.arange(participants) % 2 == 1
    voxels[:, EFFECT] *= 0.1
    voxels[is_target, EFFECT] += rng.gamma(2, 0.5, is_target.sum())
    return voxels, is_target


def leaking():
    """A model that reads the effect, and background beside it."""
    axes = np.eye(VOXELS)
    salient = axes[[EFFECT]].copy()
    salient[0, list(BACKGROUND)] = READ
    origin = np.zeros(VOXELS)
    return LinearModel(
        LinearSpace(origin, salient, axes[[EFFECT]]),
        LinearSpace(origin, axes[list(BACKGROUND)], axes[list(BACKGROUND)]),
    )


def refined(model, voxels, is_target):
    """Whoever is fitted gives the same salient encoder."""
    return without_background(
        *(model, lambda _: model.salient.embed(voxels), voxels, is_target), folds=4, seed=0
    )


def test_the_background_that_held_out_controls_show_is_taken_away():
    voxels, is_target = draw(400)
    found = refined(leaking(), voxels, is_target)
    encoder = found.salient.encoder[0] / found.salient.encoder[0, EFFECT]
    np.testing.assert_allclose(encoder[list(BACKGROUND)], 0, atol=0.03)
    others = [voxel for voxel in range(VOXELS) if voxel not in (*BACKGROUND, EFFECT)]
    assert not encoder[others].any()
    assert np.array_equal(found.background.encoder, leaking().background.encoder)


def test_patients_codes_have_second_moment_one_and_the_decoder_fits_them():
    voxels, is_target = draw(400)
    found = refined(leaking(), voxels, is_target)
    codes = found.salient.embed(voxels[is_target])
    np.testing.assert_allclose(np.mean(codes**2), 1, atol=1e-4)
    both = np.column_stack([found.salient.embed(voxels) * is_target[:, None], found.background.embed(voxels)])
    expected = np.linalg.lstsq(both, voxels, rcond=None)[0]
    np.testing.assert_allclose(found.salient.decoder, expected[:1], atol=1e-3)


def test_too_few_participants_are_left_alone():
    voxels, is_target = draw(8)
    model = fit_linear("contrast", voxels, is_target, 2, 2)
    assert refined(model, voxels, is_target) is model


AXES = np.linalg.qr(np.random.default_rng(1).standard_normal((VOXELS, VOXELS)))[0]


@pytest.mark.parametrize("salient", [2, 0])
@pytest.mark.parametrize(
    "method",
    [None, Ratio(0.7, Borrowed(np.full(VOXELS, 0.2), AXES, np.linspace(4, 0.5, VOXELS), 40, VOXELS))],
    ids=["own", "borrowed"],
)
def test_conditioned_on_sites_no_encoder_reads_what_they_differ_in(method, salient):
    voxels, is_target = draw(120)
    sites = np.array(["a", "b", "c"])[np.arange(120) // 2 % 3]
    voxels += (sites == "b")[:, None] * np.linspace(-1, 1, VOXELS)
    _, maps = site_maps(voxels, is_target, sites, 4)
    read = []
    for condition in (True, False):
        config = ModelConfig(salient=salient, background=4, condition_on_site=condition)
        found = linear_solution(config, voxels, is_target, 0, sites, method if salient else None)
        differences = maps[1:] - maps[0]
        read.append(
            np.abs(differences @ np.vstack([found.salient.encoder, found.background.encoder]).T).max()
        )
        assert (found.sites is None) != condition
    assert read[0] < 1e-5 < 0.1 < read[1]
