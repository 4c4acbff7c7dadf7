"""Patches of the brain: the same as MONAI's, and each voxel in one of them."""

import numpy as np
import pytest
import torch
from monai.networks.blocks.patchembedding import PatchEmbeddingBlock

from adhd_cvae.config import ModelConfig
from adhd_cvae.models.patches import PatchDecoder, PatchHead, PatchTrunk, patch_index

SHAPE, SIDE = (8, 12, 4), 4
CONFIG = ModelConfig(salient=2, background=3, patch=SIDE, patch_features=5, hidden=6)


@pytest.fixture
def mask():
    """Flat indices of voxels of two of the six patches."""
    inside = np.zeros(SHAPE, bool)
    inside[:4, 5:8, 1:4] = True
    inside[6:, 9:, :] = True
    return np.flatnonzero(inside)


@torch.no_grad()
def test_they_are_those_of_monais_block(mask):
    block = PatchEmbeddingBlock(1, SHAPE, SIDE, 5, 1, proj_type="perceptron", pos_embed_type="none")
    trunk = PatchTrunk(CONFIG, 2)
    trunk.index.copy_(torch.from_numpy(patch_index(mask, SHAPE, SIDE)))
    trunk.embedding.load_state_dict(block.patch_embeddings[1].state_dict())
    voxels = torch.randn(3, len(mask))
    volume = torch.zeros(3, 8 * 12 * 4)
    volume[:, mask] = voxels
    block.position_embeddings.zero_()
    features = torch.nn.functional.leaky_relu(block(volume.reshape(3, 1, *SHAPE))[:, [1, 5]])
    expected = torch.nn.functional.leaky_relu(trunk.dense(features.flatten(1)))
    torch.testing.assert_close(trunk(voxels), expected)


def test_only_patches_that_touch_the_brain_count_and_every_voxel_is_in_one(mask):
    index = patch_index(mask, SHAPE, SIDE)
    assert index.shape == (2, SIDE**3)
    assert sorted(index[index < len(mask)]) == list(range(len(mask)))
    assert (index[index >= len(mask)] == len(mask)).all()
    assert len(patch_index(np.arange(np.prod(SHAPE)), SHAPE, SIDE)) == 6


@torch.no_grad()
def test_the_decoder_starts_at_zero_and_puts_each_voxel_in_its_place(mask):
    decoder = PatchDecoder(CONFIG, 5, len(mask), 2)
    index = patch_index(mask, SHAPE, SIDE)
    decoder.set_index(index)
    codes = torch.randn(2, 5)
    assert not decoder(codes).any()
    decoder.patch.bias.copy_(torch.arange(SIDE**3))
    places = np.stack(np.unravel_index(mask, SHAPE)) % SIDE
    within = np.ravel_multi_index(tuple(places), (SIDE,) * 3)
    assert decoder(codes)[1].tolist() == within.tolist()


@torch.no_grad()
def test_a_head_changes_the_mean_alone():
    mean, log_variance = PatchHead(CONFIG, 3)(torch.randn(4, 6))
    assert mean.any()
    assert not log_variance.any()
