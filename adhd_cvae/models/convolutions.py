"""The network's nonlinear part by strided convolutions, as the study had it; built of MONAI's blocks."""

from itertools import pairwise

from jaxtyping import Float
from monai.networks.blocks.convolutions import Convolution
from torch import Tensor, nn

from adhd_cvae.config import ModelConfig


class ConvolutionalEncoder(nn.Module):
    """Volume to the mean of a posterior and to what is added to its log variance, which starts at zero."""

    def __init__(self, config: ModelConfig, shape: tuple[int, ...], units: int) -> None:
        super().__init__()
        sizes = (1, *config.channels)
        self.trunk = nn.Sequential(*[_convolution(before, after) for before, after in pairwise(sizes)])
        self.dense = nn.Linear(_flat_size(config, shape), config.hidden)
        self.mean = nn.Linear(config.hidden, units)
        self.log_variance = nn.Linear(config.hidden, units, bias=False)
        nn.init.zeros_(self.log_variance.weight)

    def forward(
        self, volume: Float[Tensor, "batch 1 x y z"]
    ) -> tuple[Float[Tensor, "batch units"], Float[Tensor, "batch units"]]:
        """Mean and change of the log variance."""
        hidden = nn.functional.leaky_relu(self.dense(self.trunk(volume).flatten(1)))
        return self.mean(hidden), self.log_variance(hidden)


class ConvolutionalDecoder(nn.Module):
    """Codes to a volume that is zero at the start."""

    def __init__(self, config: ModelConfig, shape: tuple[int, ...], units: int) -> None:
        super().__init__()
        self.start_shape = (config.channels[-1], *(side // 2 ** len(config.channels) for side in shape))
        self.dense = nn.Sequential(
            nn.Linear(units, config.hidden),
            nn.LeakyReLU(),
            nn.Linear(config.hidden, _flat_size(config, shape)),
            nn.LeakyReLU(),
        )
        sizes = pairwise((*config.channels[::-1], 1))
        self.trunk = nn.Sequential(
            *[_convolution(*pair, transposed=True, last=pair[1] == 1) for pair in sizes]
        )
        for parameter in self.trunk[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, codes: Float[Tensor, "batch units"]) -> Float[Tensor, "batch 1 x y z"]:
        """Decode to the grid."""
        return self.trunk(self.dense(codes).reshape(-1, *self.start_shape))


def _convolution(before: int, after: int, *, transposed: bool = False, last: bool = False) -> Convolution:
    return Convolution(
        spatial_dims=3,
        in_channels=before,
        out_channels=after,
        strides=2,
        kernel_size=3,
        act=None if last else "LEAKYRELU",
        norm=None,
        is_transposed=transposed,
        conv_only=last,
    )


def _flat_size(config: ModelConfig, shape: tuple[int, ...]) -> int:
    side = 2 ** len(config.channels)
    size = config.channels[-1]
    for length in shape:
        if length % side:
            raise ValueError(
                f"image.shape {shape} is not divisible by {side}, as {len(config.channels)} layers need."
            )
        size *= length // side
    return size
