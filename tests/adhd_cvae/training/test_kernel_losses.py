"""Kernel terms on planted differences and dependence: seen where it is, zero on average where it is not."""

from functools import partial

import numpy as np
import pytest
import torch

from adhd_cvae.config import ObjectiveConfig
from adhd_cvae.training import kernel_losses
from adhd_cvae.training.kernel_losses import _squared_distances, normalised_hsic

WIDTHS = ObjectiveConfig().mmd_widths
squared_mmd = partial(kernel_losses.squared_mmd, widths=WIDTHS)
squared_mmd_from_zero = partial(kernel_losses.squared_mmd_from_zero, widths=WIDTHS)


def estimates(measure, sample, batch, count):
    """Estimates of `count` batches, and the standard error of their mean."""
    torch.manual_seed(0)
    values = torch.stack([measure(*sample(batch)) for _ in range(count)])
    return float(values.mean()), float(values.std()) / count**0.5


def groups(shift):
    offset = torch.tensor([shift, 0.0, 0.0])
    return lambda n: (torch.randn(n, 3) + offset, torch.randn(n, 3))


def pairs(dependence):
    """Codes that do not correlate: the second follows the square of the first."""

    def sample(n):
        background, noise = torch.randn(n, 12), torch.randn(n, 2)
        curved = (background[:, :2].square() - 1) / 2**0.5
        return background, dependence * curved + (1 - dependence**2) ** 0.5 * noise

    return sample


@pytest.mark.parametrize(
    ("measure", "none", "planted"),
    [(squared_mmd, groups(0.0), groups(1.0)), (normalised_hsic, pairs(0.0), pairs(0.9))],
)
def test_zero_on_average_without_and_the_same_at_any_batch_size_with(measure, none, planted):
    seen = []
    for batch, count in ((8, 400), (32, 200)):
        mean, error = estimates(measure, none, batch, count)
        assert abs(mean) < 3 * error
        mean, error = estimates(measure, planted, batch, count)
        assert mean > 6 * error or batch == 8
        seen.append((mean, error))
    (small, small_error), (large, large_error) = seen
    assert abs(small - large) < 3 * np.hypot(small_error, large_error)


def test_codes_at_zero_cost_nothing_and_others_the_same_at_any_batch_size():
    assert float(squared_mmd_from_zero(torch.zeros(6, 4))) == pytest.approx(0.0, abs=1e-6)
    means = []
    for batch in (4, 32):
        mean, error = estimates(squared_mmd_from_zero, lambda n: (0.3 * torch.randn(n, 4),), batch, 300)
        means.append((mean, error))
    assert means[0][0] > 0.1
    assert abs(means[0][0] - means[1][0]) < 3 * np.hypot(means[0][1], means[1][1])
    assert float(squared_mmd_from_zero(torch.randn(32, 4))) > means[1][0]  # a wider code costs more


def test_the_discrepancy_is_the_mean_over_pairs_of_different_people():
    first, second = torch.randn(5, 2, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)

    def kernel(one, other):
        return np.mean(
            [np.exp(-float((one - other).square().sum()) / (4 * w)) for w in (0.01, 0.1, 1, 10, 100)]
        )

    def over(rows, columns, distinct):
        return np.mean(
            [
                kernel(a, b)
                for i, a in enumerate(rows)
                for j, b in enumerate(columns)
                if i != j or not distinct
            ]
        )

    expected = over(first, first, True) + over(second, second, True) - 2 * over(first, second, False)
    assert float(squared_mmd(first, second)) == pytest.approx(expected, abs=1e-5)


def test_hsic_agrees_with_the_published_estimator_and_is_at_most_1():
    background, salient = pairs(0.8)(9)

    def published(first, second):
        """Song et al. 2012, equation 5, of kernels without diagonal."""
        n, one = len(first), np.ones(len(first))
        total = np.trace(first @ second) + one @ first @ one * (one @ second @ one) / ((n - 1) * (n - 2))
        return (total - 2 / (n - 2) * one @ first @ second @ one) / (n * (n - 3))

    def kernel(codes):
        def own(part):
            squared = _squared_distances(part, part).double().numpy()
            width = np.sort(squared[~np.eye(len(part), dtype=bool)])[(len(part) * (len(part) - 1) - 1) // 2]
            return np.exp(-squared / (2 * width))

        both = 0.5 * own(codes) + 0.5 * np.mean([own(unit[:, None]) for unit in codes.T], axis=0)
        return both * ~np.eye(len(codes), dtype=bool)

    first, second = kernel(background), kernel(salient)
    expected = published(first, second) / np.sqrt(published(first, first) * published(second, second))
    assert float(normalised_hsic(background, salient)) == pytest.approx(expected, abs=1e-5)
    assert float(normalised_hsic(background, background)) == pytest.approx(1.0, abs=1e-5)


def test_hsic_does_not_depend_on_scale():
    background, salient = pairs(0.8)(20)
    assert float(normalised_hsic(background, 7 * salient)) == pytest.approx(
        float(normalised_hsic(background, salient)), abs=1e-5
    )


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_participants_give_zero(count):
    codes, others = torch.randn(count, 3), torch.randn(count, 2)
    assert float(normalised_hsic(codes, others)) == 0
    if count < 2:
        assert float(squared_mmd(codes, torch.randn(5, 3))) == 0
        assert float(squared_mmd_from_zero(codes)) == 0


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("codes", ["equal", "far", "wide"])
def test_finite_with_gradient_in_half_precision_and_at_extremes(precision, codes):
    made = {
        "equal": lambda units: torch.full((8, units), 0.3),
        "far": lambda units: torch.randn(8, units) + 5e4,
        "wide": lambda units: 5e4 * torch.randn(8, units),
    }[codes]
    first, second = made(3).requires_grad_(), made(2).requires_grad_()
    with torch.autocast("cpu", dtype=precision):
        total = normalised_hsic(first, second) + squared_mmd(first, first + 1) + squared_mmd_from_zero(second)
    total.backward()
    assert total.dtype == torch.float32
    for value in (total, first.grad, second.grad):
        assert value is not None
        assert torch.isfinite(value).all()
