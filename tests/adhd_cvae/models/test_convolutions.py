"""The study's nonlinear part: it starts at zero, and halves the grid with each layer."""

import pytest
import torch

from adhd_cvae.config import ModelConfig
from adhd_cvae.models.convolutions import ConvolutionalDecoder, ConvolutionalEncoder

CONFIG = ModelConfig(salient=2, background=3, trunk="convolutions", channels=(2, 4), hidden=5)
SHAPE = (8, 8, 12)


@torch.no_grad()
def test_an_encoder_sees_the_volume_and_changes_no_spread_at_the_start():
    torch.manual_seed(0)
    mean, spread = ConvolutionalEncoder(CONFIG, SHAPE, 3)(torch.randn(2, 1, *SHAPE))
    assert mean.shape == spread.shape == (2, 3)
    assert not torch.equal(mean[0], mean[1])
    assert not spread.any()


@torch.no_grad()
def test_a_decoder_gives_the_grid_and_starts_at_zero():
    torch.manual_seed(0)
    decoder = ConvolutionalDecoder(CONFIG, SHAPE, 5)
    decoded = decoder(torch.randn(2, 5))
    assert decoded.shape == (2, 1, *SHAPE)
    assert not decoded.any()
    for parameter in decoder.trunk[-1].parameters():
        parameter.add_(1.0)
    assert decoder(torch.randn(2, 5)).any()


def test_a_grid_that_cannot_be_halved_so_often_is_refused():
    with pytest.raises(ValueError, match="not divisible by 4"):
        ConvolutionalDecoder(CONFIG, (8, 8, 10), 5)
