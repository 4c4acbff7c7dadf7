"""Kernel measures that a batch estimates without bias: maximum mean discrepancy and Hilbert-Schmidt independence.

Averages over pairs of different participants, so that their expectation is the population's at any batch size. All
in float32, whatever the precision around them; 0 where the batch is too small to say.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

SMALLEST_SAMPLE = 4
"""Participants that the unbiased HSIC needs."""
SMALLEST_DISTANCE = 1e-3
SMALLEST_LENGTHS = 1e-8
"""Where rounding would pass for a pattern: squared distances of codes, and squared lengths of centred kernels."""


def _squared_distances(
    first: Float[Tensor, "n units"], second: Float[Tensor, "m units"]
) -> Float[Tensor, "n m"]:
    lengths = first.square().sum(dim=1)[:, None] + second.square().sum(dim=1)
    return (lengths - 2 * first @ second.T).clamp(min=0)


def _prior_kernel(squared: Tensor, units: int, widths: Sequence[float]) -> Tensor:
    """Mean of Gaussian kernels of fixed widths: 1 for equal codes."""
    return torch.stack([torch.exp(-squared / (2 * units * width)) for width in widths]).mean(dim=0)


def _mean_of_pairs(kernel: Float[Tensor, "n n"]) -> Tensor:
    """Mean over pairs of different participants."""
    n = len(kernel)
    return (kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))


def squared_mmd(
    first: Float[Tensor, "n units"], second: Float[Tensor, "m units"], widths: Sequence[float]
) -> Float[Tensor, ""]:
    """Unbiased squared maximum mean discrepancy (Gretton et al. 2012, JMLR 13:723, eq. 3); about 0 to 2.

    The kernels have fixed `widths`, in units of the mean squared distance of two samples of the prior N(0, 1), since a
    width that follows the codes would not notice them shrink.
    """
    if min(len(first), len(second)) < 2:
        return first.new_zeros(())
    with torch.autocast(first.device.type, enabled=False):
        first, second = first.float(), second.float()
        units = first.shape[1]
        across = _prior_kernel(_squared_distances(first, second), units, widths).mean()
        within = [
            _mean_of_pairs(_prior_kernel(_squared_distances(codes, codes), units, widths))
            for codes in (first, second)
        ]
        return within[0] + within[1] - 2 * across


def squared_mmd_from_zero(codes: Float[Tensor, "n units"], widths: Sequence[float]) -> Float[Tensor, ""]:
    """Unbiased squared maximum mean discrepancy between codes and the point 0; 0 to 2."""
    if len(codes) < 2:
        return codes.new_zeros(())
    with torch.autocast(codes.device.type, enabled=False):
        codes = codes.float()
        units = codes.shape[1]
        within = _mean_of_pairs(_prior_kernel(_squared_distances(codes, codes), units, widths))
        return within + 1 - 2 * _prior_kernel(codes.square().sum(dim=1), units, widths).mean()


def _different(n: int, device: torch.device) -> Tensor:
    """Which entries of an (n, n) kernel are of two participants."""
    return ~torch.eye(n, dtype=torch.bool, device=device)


def _own_kernel(codes: Float[Tensor, "n units"]) -> Float[Tensor, "n n"]:
    """Gaussian kernel, its width the median squared distance, which is a constant to the gradient."""
    squared = _squared_distances(codes, codes)
    width = squared.detach()[_different(len(codes), codes.device)].median()
    return torch.exp(-squared / (2 * width.clamp(min=SMALLEST_DISTANCE)))


def _centred_kernel(codes: Float[Tensor, "n units"]) -> Float[Tensor, "n n"]:
    """U-centred kernel (Székely & Rizzo 2014, doi 10.1214/14-AOS1255): rows and columns sum to 0 off the diagonal.

    The mean of the kernel of all units, which sees any dependence, and of one kernel a unit, which see that of few
    units among many: distances in 48 units hardly notice one of them.
    """
    n = len(codes)
    units = torch.stack([_own_kernel(unit[:, None]) for unit in codes.T]).mean(dim=0)
    kernel = 0.5 * (_own_kernel(codes) + units) * _different(n, codes.device)
    rows = kernel.sum(dim=1) / (n - 2)
    centred = kernel - rows[:, None] - rows + kernel.sum() / ((n - 1) * (n - 2))
    return centred * _different(n, codes.device)


def normalised_hsic(background: Float[Tensor, "n z"], salient: Float[Tensor, "n s"]) -> Float[Tensor, ""]:
    """Dependence of two codes of the same participants, at most 1; its mean is 0 where they are independent.

    The unbiased Hilbert-Schmidt independence criterion (Song et al. 2012, JMLR 13:1393) is the inner product of
    U-centred kernels. It is divided by their lengths (Kornblith et al. 2019, arXiv:1905.00414), as a correlation is,
    so that the codes' scale does not change what a value means.
    """
    n = len(background)
    if n < SMALLEST_SAMPLE or 0 in (background.shape[1], salient.shape[1]):
        return background.new_zeros(())
    with torch.autocast(background.device.type, enabled=False):
        first, second = _centred_kernel(background.float()), _centred_kernel(salient.float())
        lengths = first.square().mean() * second.square().mean()
        return (first * second).mean() / lengths.clamp(min=SMALLEST_LENGTHS).sqrt()
