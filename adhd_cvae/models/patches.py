"""The network's nonlinear part on cut-out patches of the brain: an encoder's trunk, and a decoder of its own.

Only patches with a voxel of the brain mask are looked at. A linear layer on cut-out patches is what MONAI's
``PatchEmbeddingBlock`` with ``perceptron`` computes; gathering the mask's voxels instead of a whole grid takes a third
of its time (benchmark speed).
"""

from math import prod
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from adhd_cvae.config import ModelConfig


def patch_index(mask: np.ndarray, shape: tuple[int, ...], side: int) -> np.ndarray:
    """Where the voxels of each patch stand among those of the mask.

    Parameters
    ----------
    mask
        (voxels,) flat indices into the grid.
    shape
        Grid, (x, y, z), each divisible by `side`.
    side
        Edge of a patch, voxels.

    Returns
    -------
    numpy.ndarray
        (patches, side³) int64, of the patches that touch the mask; `voxels` where a voxel lies outside.
    """
    place = np.full(prod(shape), len(mask), dtype=np.int64)
    place[mask] = np.arange(len(mask))
    cut = place.reshape([size for length in shape for size in (length // side, side)])
    patches = cut.transpose(0, 2, 4, 1, 3, 5).reshape(-1, side**3)
    return patches[(patches < len(mask)).any(axis=1)]


class PatchTrunk(nn.Module):
    """Brain voxels to features that both spaces' heads share.

    Parameters
    ----------
    config
        Sizes.
    patches
        How many touch the brain mask.
    """

    index: Tensor

    def __init__(self, config: ModelConfig, patches: int) -> None:
        super().__init__()
        self.register_buffer("index", torch.zeros(patches, config.patch**3, dtype=torch.long))
        self.embedding = nn.Linear(config.patch**3, config.patch_features)
        self.dense = nn.Linear(patches * config.patch_features, config.hidden)

    def forward(self, voxels: Float[Tensor, "batch voxels"]) -> Float[Tensor, "batch hidden"]:
        """Features of standardised voxels; outside of the mask stands the mean, 0."""
        padded = nn.functional.pad(voxels, (0, 1))
        patches = padded.index_select(1, self.index.flatten()).unflatten(1, self.index.shape)
        features = nn.functional.leaky_relu(self.embedding(patches)).flatten(1)
        return nn.functional.leaky_relu(self.dense(features))


class PatchHead(nn.Module):
    """The trunk's features to a change of a posterior's mean; its spread is one for everybody."""

    def __init__(self, config: ModelConfig, units: int) -> None:
        super().__init__()
        self.mean = nn.Linear(config.hidden, units)

    def forward(
        self, features: Float[Tensor, "batch hidden"]
    ) -> tuple[Float[Tensor, "batch units"], Float[Tensor, "batch units"]]:
        """Mean, and no change of the log variance."""
        mean = self.mean(features)
        return mean, torch.zeros_like(mean)


class PatchDecoder(nn.Module):
    """Codes to brain voxels that are zero at the start; where patches are cut, each voxel belongs to one."""

    place: Tensor

    def __init__(self, config: ModelConfig, units: int, voxels: int, patches: int) -> None:
        super().__init__()
        self.register_buffer("place", torch.zeros(voxels, dtype=torch.long))
        self.dense = nn.Sequential(
            nn.Linear(units, config.hidden),
            nn.LeakyReLU(),
            nn.Linear(config.hidden, patches * config.patch_features),
            nn.LeakyReLU(),
        )
        self.patch = nn.Linear(config.patch_features, config.patch**3)
        nn.init.zeros_(self.patch.weight)
        nn.init.zeros_(self.patch.bias)

    def forward(self, codes: Float[Tensor, "batch units"]) -> Float[Tensor, "batch voxels"]:
        """Decode to the mask's voxels."""
        features = self.dense(codes).unflatten(1, (-1, self.patch.in_features))
        return self.patch(features).flatten(1).index_select(1, self.place)

    def set_index(self, index: np.ndarray) -> None:
        """Note where each voxel of the mask stands among the patches' (`patch_index`)."""
        flat = index.flatten()
        inside = np.flatnonzero(flat < len(self.place))
        place = np.empty(len(self.place), dtype=np.int64)
        place[flat[inside]] = inside
        cast("Tensor", self.place).copy_(torch.from_numpy(place))
