"""Observed maps come in the order of those analysed, the brain's voxels in that of the mask."""

from dataclasses import replace

import numpy as np
import pytest

from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.io import read_tsv, write_tsv
from pipelines.output_dir.brain_maps import NO_CACHE, BrainMaps
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe


@pytest.fixture
def brain(tmp_path, invent_maps):
    paths = OutputPaths(tmp_path)
    invent_maps(paths)
    run = Run(paths, load_recipe("smoke"), Silent())
    return BrainMaps(
        run, read_tsv(paths.cohort), lambda rows: Inference(permutations=19, strata=rows["site"])
    )


def decoded(brain: BrainMaps, **arrays: np.ndarray) -> BrainMaps:
    np.savez(brain.run.paths.decoded, affine=np.eye(4), **arrays)
    return replace(brain)


def test_blocks_are_the_masks_voxels_of_those_analysed(brain):
    mask = np.random.default_rng(0).random((16, 16, 16)) < 0.3
    mask[4] = False
    fewer = replace(decoded(brain, mask=mask.astype(np.uint8)), cohort=brain.cohort[::-3])
    blocks = list(fewer.blocks())
    assert len(blocks) == 15
    images = np.load(brain.run.paths.images)
    np.testing.assert_array_equal(np.hstack(blocks), images[::-1][::3][:, mask])


def test_the_brain_is_where_the_mean_map_is(brain):
    images = np.load(brain.run.paths.images)
    images[:, 5:] = 0.05
    np.save(brain.run.paths.images, images)
    assert brain.mask.sum() == 5 * 16 * 16
    assert len(brain.group.p) == 5 * 16 * 16


def test_a_group_in_which_all_are_alike_is_compared_in_the_order_of_the_cohort(brain):
    turned = replace(brain, cohort=brain.cohort[::-1].reset_index(drop=True))
    np.testing.assert_allclose(turned.group.t, brain.group.t, atol=1e-9)


def test_a_cache_that_is_absent_or_of_others_is_no_test(brain):
    assert decoded(brain, mask=np.ones((8, 8, 8))).group.note == NO_CACHE
    assert decoded(brain, mask=np.zeros((16, 16, 16))).group.note == NO_CACHE
    brain.run.paths.decoded.unlink()
    paths = brain.run.paths
    write_tsv(read_tsv(paths.cohort)[:-1], paths.cohort)
    fewer = replace(brain, cohort=brain.cohort[:-1])
    assert fewer.group.note == NO_CACHE
    paths.images.unlink()
    nothing = replace(brain)
    assert nothing.group_maps()["map"].tolist() == ["group"]
    assert nothing.peaks() is nothing.components() is nothing.scores() is None
