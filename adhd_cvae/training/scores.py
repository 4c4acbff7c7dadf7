"""Linear maps in the space of the participants' scores, where training them costs next to nothing.

The linear solution lies in the span of the maps it was found from, and so does every gradient of it. On orthonormal
axes of that span a map is some hundred scores instead of some ten thousand voxels, and its length outside of the span,
which no linear model here can explain. Both are scaled so that a mean over them is a mean over voxels.
"""

from typing import cast

import numpy as np
import torch
from torch import nn

from adhd_cvae.images.cache import take_maps
from adhd_cvae.models.network import ContrastiveVAE, Decoder, Encoder

_AT_ONCE = 64
"""Maps that are projected at a time."""


def mixed(axes: np.ndarray, seed: int) -> np.ndarray:
    """Axes of the same span, turned at random.

    Adam gives every coordinate steps of one size. On principal axes the last ones, which are noise, would move as
    fast as the first; on voxels, and on mixed axes, what the first ones say decides.
    """
    noise = np.random.default_rng(seed).standard_normal((len(axes), len(axes)))
    return (np.linalg.qr(noise)[0] @ axes).astype(np.float32)


@torch.no_grad()
def project(model: ContrastiveVAE, axes: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Maps as scores and the length that these leave out, (n, axes + 1) float32.

    Parameters
    ----------
    model
        Says how maps are standardised.
    axes
        (axes, voxels) orthonormal.
    images
        (n, x, y, z) gray-matter maps.
    """
    parts = []
    for start in range(0, len(images), _AT_ONCE):
        maps = take_maps(images, slice(start, start + _AT_ONCE))
        voxels = model.standardise(torch.from_numpy(maps)[:, None]).numpy()
        scores = voxels @ axes.T
        outside = np.square(voxels).sum(axis=1) - np.square(scores).sum(axis=1)
        parts.append(np.column_stack([scores, np.sqrt(np.maximum(outside, 0))]))
    return (np.concatenate(parts) * _scale(axes)).astype(np.float32)


@torch.no_grad()
def model_of_scores(model: ContrastiveVAE, axes: np.ndarray) -> ContrastiveVAE:
    """The same linear model for projected maps; what lies outside of the axes stays unexplained.

    Parameters
    ----------
    model
        A linear model whose maps lie in the span of the axes.
    """
    size = len(axes) + 1
    small = ContrastiveVAE(model.config, (size, 1, 1), size, sites=model.sites)
    small.set_mask(np.arange(size))
    small.counted_voxels = model.voxels
    turn = torch.from_numpy(np.vstack([axes, np.zeros_like(axes[:1])]).astype(np.float32))
    scale = _scale(axes)
    small.origin.copy_(turn @ model.origin * scale)
    small.log_noise.copy_(model.log_noise)
    inside = torch.ones(size)
    inside[-1] = 0
    for name, encoder in small.encoders().items():
        weight = _linear(encoder).weight
        weight.copy_(_linear(model.encoders()[name]).weight @ turn.T / scale)
        weight.register_hook(lambda gradient: gradient * inside.to(gradient))
        encoder.log_variance.copy_(model.encoders()[name].log_variance)
    weight = _linear(small.decoder).weight
    weight.copy_(turn @ _linear(model.decoder).weight * scale)
    weight.register_hook(lambda gradient: gradient * inside[:, None].to(gradient))
    return small


@torch.no_grad()
def into_voxels(small: ContrastiveVAE, model: ContrastiveVAE, axes: np.ndarray) -> ContrastiveVAE:
    """Undo `model_of_scores`: give `model` what `small` has learnt."""
    turn, scale = torch.from_numpy(axes.astype(np.float32)), _scale(axes)
    for name, encoder in model.encoders().items():
        learnt = small.encoders()[name]
        _linear(encoder).weight.copy_(_linear(learnt).weight[:, :-1].cpu() @ turn * scale)
        encoder.log_variance.copy_(learnt.log_variance)
    _linear(model.decoder).weight.copy_((_linear(small.decoder).weight[:-1].T.cpu() @ turn / scale).T)
    model.log_noise.copy_(small.log_noise)
    return model


def _scale(axes: np.ndarray) -> float:
    return float(np.sqrt((len(axes) + 1) / axes.shape[1]))


def _linear(part: Encoder | Decoder) -> nn.Linear:
    return cast("nn.Linear", part.linear)
