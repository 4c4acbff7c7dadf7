import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from adhd_cvae.config import ModelConfig, ObjectiveConfig
from adhd_cvae.network import ContrastiveVAE, Critic, Posterior
from adhd_cvae.objective import (
    contrastive_terms,
    critic_loss,
    kl_standard_normal,
    negative_log_likelihood,
    total_correlation,
    weighted_loss,
)


def test_kl_agrees_with_torch_distributions():
    mean, log_variance = torch.randn(6, 4, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    reference = kl_divergence(Normal(mean, torch.exp(0.5 * log_variance)), Normal(0.0, 1.0)).sum(dim=1)
    assert torch.allclose(kl_standard_normal(Posterior(mean, log_variance)), reference)


def test_likelihood_agrees_with_torch_distributions():
    voxels, decoded, log_noise = torch.randn(3, 50), torch.randn(3, 50), torch.tensor(-0.7)
    reference = -Normal(decoded, torch.exp(0.5 * log_noise)).log_prob(voxels).mean(dim=1)
    assert torch.allclose(negative_log_likelihood(voxels, decoded, log_noise), reference)


def codes(dependence, count=4000, seed=0):
    """Codes of equal spread; the second depends on the square of the first, so that they do not correlate."""
    generator = torch.Generator().manual_seed(seed)
    background = torch.randn(count, 3, generator=generator)
    noise = torch.randn(count, 2, generator=generator)
    salient = dependence * (background[:, :2].square() - 1) / 2**0.5 + (1 - dependence**2) ** 0.5 * noise
    return background, salient


def trained_critic(dependence, nonlinear):
    torch.manual_seed(1)
    critic = Critic(3, 2, nonlinear=nonlinear)
    optimiser = torch.optim.Adam(critic.parameters(), lr=1e-2)
    background, salient = codes(dependence)
    for step in range(200):
        rows = torch.arange(step * 256, step * 256 + 256) % len(background)
        loss, _ = critic_loss(critic, background[rows], salient[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    new = codes(dependence, seed=9)
    _, accuracy = critic_loss(critic, *new)
    return critic, float(accuracy), float(total_correlation(critic, *new))


def test_the_critic_sees_dependence_and_not_what_is_not_there():
    _, accuracy, correlation = trained_critic(0.9, nonlinear=True)
    assert accuracy > 0.7
    assert correlation > 0.3
    _, accuracy, correlation = trained_critic(0.0, nonlinear=True)
    assert abs(accuracy - 0.5) < 0.03
    assert abs(correlation) < 0.1


def test_the_studys_linear_critic_sees_nothing():
    _, accuracy, correlation = trained_critic(0.9, nonlinear=False)
    assert abs(accuracy - 0.5) < 0.03
    assert abs(correlation) < 0.05


def test_critic_and_encoder_do_not_train_each_other():
    critic = Critic(3, 2, nonlinear=True)
    background, salient = (part.requires_grad_() for part in codes(0.5, count=32))
    loss, _ = critic_loss(critic, background, salient)
    loss.backward()
    assert background.grad is None
    assert any(parameter.grad is not None for parameter in critic.parameters())
    critic.zero_grad(set_to_none=True)
    total_correlation(critic, background, salient).backward()
    assert background.grad is not None
    assert all(parameter.grad is None for parameter in critic.parameters())


@pytest.fixture
def network():
    torch.manual_seed(0)
    config = ModelConfig(salient=2, background=3, channels=(2, 4), hidden=5)
    model = ContrastiveVAE(config, (8, 8, 8), 200)
    model.mask_index.copy_(torch.arange(200))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model


def terms(network, voxels, is_target, **weights):
    return contrastive_terms(network, None, voxels, is_target, ObjectiveConfig(**weights), sample=False)[0]


def test_batch_size_does_not_change_what_a_term_means(network):
    voxels, is_target = torch.randn(6, 200), torch.tensor([1.0, 1, 1, 0, 0, 0])
    once = terms(network, voxels, is_target)
    twice = terms(network, voxels.repeat(2, 1), is_target.repeat(2))
    for name, value in once._asdict().items():
        assert torch.allclose(value, getattr(twice, name), atol=1e-4), name


@torch.no_grad()
def test_controls_are_decoded_without_salient_code_and_pay_for_having_one(network):
    voxels = torch.randn(4, 200)
    controls, patients = terms(network, voxels, torch.zeros(4)), terms(network, voxels, torch.ones(4))
    codes = network.encode(voxels)
    residual = (voxels - network.decode(codes.background.mean)).square().sum(1) / voxels.square().sum(1)
    assert torch.allclose(controls.unexplained, residual.mean())
    assert not torch.allclose(patients.unexplained, residual.mean())
    assert float(controls.background_salient) > 0
    assert float(patients.background_salient) == 0
    assert float(controls.kl_salient) == 0


@torch.no_grad()
def test_a_batch_without_one_group_gives_finite_terms(network):
    for is_target in (torch.zeros(3), torch.ones(3)):
        assert np.isfinite([float(value) for value in terms(network, torch.randn(3, 200), is_target)]).all()


def test_each_weight_weighs_its_term(network):
    voxels, is_target = torch.randn(4, 200), torch.tensor([1.0, 1, 0, 0])
    values = terms(network, voxels, is_target)
    base = ObjectiveConfig(beta=0, background_salient=0, total_correlation=0)
    assert torch.allclose(weighted_loss(values, base), values.likelihood)
    heavy = base.model_copy(update={"background_salient": 3.0})
    assert torch.allclose(
        weighted_loss(values, heavy) - values.likelihood, 3 * values.background_salient, atol=1e-3
    )
    every = terms(network, voxels, is_target, effective_voxels=None).likelihood
    assert torch.allclose(every * 5, values.likelihood, rtol=1e-4)  # 1,000 effective of 200 voxels
