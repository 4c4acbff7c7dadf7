from itertools import combinations

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from adhd_cvae.analysis.independence import hsic
from adhd_cvae.config import OBJECTIVES, ModelConfig, ObjectiveConfig
from adhd_cvae.models.network import Critic, Posterior, empty_model
from adhd_cvae.training.losses import (
    classification_loss,
    contrastive_terms,
    critic_loss,
    kl_standard_normal,
    negative_log_likelihood,
    pair_terms,
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
    critic = Critic(3, 2, nonlinear=nonlinear, hidden=64)
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
    critic = Critic(3, 2, nonlinear=True, hidden=64)
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
    config = ModelConfig(salient=2, background=3, patch=4, patch_features=2, hidden=5)
    model = empty_model(config, (8, 8, 8), np.arange(200))
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
    assert float(controls.salient_of_background) > 0
    assert float(patients.salient_of_background) == 0
    assert float(controls.kl_salient) == 0


@torch.no_grad()
def test_a_batch_without_one_group_gives_finite_terms(network):
    for is_target in (torch.zeros(3), torch.ones(3)):
        assert np.isfinite([float(value) for value in terms(network, torch.randn(3, 200), is_target)]).all()


def test_each_weight_weighs_its_term(network):
    voxels, is_target = torch.randn(4, 200), torch.tensor([1.0, 1, 0, 0])
    values = terms(network, voxels, is_target)
    base = ObjectiveConfig(beta=0, salient_of_background=0, total_correlation=0)
    assert torch.allclose(weighted_loss(values, base), values.likelihood)
    heavy = base.model_copy(update={"salient_of_background": 3.0})
    assert torch.allclose(
        weighted_loss(values, heavy) - values.likelihood, 3 * values.salient_of_background, atol=1e-3
    )
    every = terms(network, voxels, is_target, effective_voxels=None).likelihood
    assert torch.allclose(every * 5, values.likelihood, rtol=1e-4)  # 1,000 effective of 200 voxels


def test_the_default_objective_is_the_named_one_and_settings_beside_a_name_count_more():
    assert ObjectiveConfig() == ObjectiveConfig(name="adhd_cvae")
    for name in OBJECTIVES:
        objective = ObjectiveConfig.model_validate({"name": name})
        assert objective.name == name
        assert ObjectiveConfig.model_validate(objective.model_dump()) == objective
        assert ObjectiveConfig.model_validate({"name": name, "hsic": 5, "critic": "linear"}) == (
            objective.model_copy(update={"hsic": 5.0, "critic": "linear"})
        )
    weights = [
        ObjectiveConfig.model_validate({"name": name}).model_dump(exclude={"name"}) for name in OBJECTIVES
    ]
    assert all(first != second for first, second in combinations(weights, 2))


class Mixture:
    """Salient and background codes mixed of three sources, of which the first is what a term should find.

    Learning turns the mixture; a code keeps unit length of its weights, so that shrinking is no way out.
    """

    def __init__(self, sources, start):
        self.sources = sources
        self.weights = torch.tensor(start, requires_grad=True)

    def code(self, rows):
        return self.sources[rows] @ (self.weights / self.weights.norm())[:, None]

    def share_of_first(self):
        return float((self.weights[0].abs() / self.weights.norm()).detach())

    def learn(self, term, steps=200, batch=64, rate=0.01, after=lambda rows: None):
        generator = torch.Generator().manual_seed(3)
        optimiser = torch.optim.Adam([self.weights], lr=rate)
        for _ in range(steps):
            rows = torch.randint(len(self.sources), (batch,), generator=generator)
            optimiser.zero_grad()
            term(self.code(rows), rows).backward()
            optimiser.step()
            after(rows)


@pytest.fixture
def dependent():
    """Background codes, and a mixture whose first source follows the square of one of them."""
    torch.manual_seed(4)
    background, salient = codes(0.95, count=3000, seed=4)
    sources = torch.cat([salient[:, :1], torch.randn(3000, 2)], dim=1)
    return background, Mixture(sources, [1.0, 0.4, 0.3])


def p_of_dependence(background, salient):
    """The analysis' own test, on 200 participants."""
    first, second = background[:200].numpy(), salient[:200].detach().numpy()
    rng = np.random.default_rng(0)
    return hsic(first, second, strata=np.zeros(200, dtype=np.int64), permutations=99, rng=rng)[1]


def test_minimising_hsic_removes_dependence(dependent):
    background, mixture = dependent
    everyone = torch.arange(len(background))
    assert p_of_dependence(background, mixture.code(everyone)) < 0.02
    weights = ObjectiveConfig(hsic=1)
    mixture.learn(
        lambda salient, rows: pair_terms(background[rows], salient, torch.ones(len(rows)), weights)["hsic"]
    )
    assert mixture.share_of_first() < 0.2
    assert p_of_dependence(background, mixture.code(everyone)) > 0.05


@pytest.mark.parametrize("nonlinear", [True, False])
def test_minimising_total_correlation_removes_dependence_with_a_real_critic_only(dependent, nonlinear):
    background, mixture = dependent
    torch.manual_seed(5)
    critic = Critic(3, 1, nonlinear=nonlinear, hidden=64)
    optimiser = torch.optim.Adam(critic.parameters(), lr=1e-2)

    def teach(rows):
        loss, _ = critic_loss(critic, background[rows], mixture.code(rows))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    for _ in range(100):
        teach(torch.randint(3000, (256,)))
    mixture.learn(
        lambda salient, rows: total_correlation(critic, background[rows], salient), batch=128, after=teach
    )
    p_value = p_of_dependence(background, mixture.code(torch.arange(3000)))
    assert (mixture.share_of_first() < 0.3) == nonlinear
    assert (p_value > 0.05) == nonlinear


def group_sources(count=2000):
    """Three sources, the first with the groups two standard deviations apart; who is a patient."""
    torch.manual_seed(6)
    is_target = (torch.arange(count) % 2).float()
    sources = torch.randn(count, 3)
    sources[:, 0] += 2 * is_target - 1
    return sources, is_target


def group_difference(code, is_target):
    """Cohen's d."""
    target, background = code[is_target.bool()], code[~is_target.bool()]
    return float(
        ((target.mean() - background.mean()) / (target.var() / 2 + background.var() / 2).sqrt()).detach()
    )


def test_minimising_the_discrepancy_removes_the_groups_difference_in_z():
    sources, is_target = group_sources()
    mixture, everyone = Mixture(sources, [1.0, 0.4, 0.3]), torch.arange(len(sources))
    assert group_difference(mixture.code(everyone), is_target) > 1.2
    weights = ObjectiveConfig(background_mmd=1)
    mixture.learn(lambda code, rows: pair_terms(code, code, is_target[rows], weights)["background_mmd"])
    assert abs(group_difference(mixture.code(everyone), is_target)) < 0.3


def test_minimising_the_classification_loss_makes_s_tell_the_groups():
    sources, is_target = group_sources()
    mixture, everyone = Mixture(sources, [0.1, 0.7, 0.7]), torch.arange(len(sources))
    torch.manual_seed(7)
    classifier = torch.nn.Linear(1, 1)
    optimiser = torch.optim.Adam(classifier.parameters(), lr=0.05)
    before = abs(group_difference(mixture.code(everyone), is_target))
    mixture.learn(
        lambda code, rows: classification_loss(classifier, code, is_target[rows]),
        after=lambda rows: (optimiser.step(), optimiser.zero_grad()),
    )
    assert before < 0.4
    assert abs(group_difference(mixture.code(everyone), is_target)) > 1.7


def test_the_classification_loss_is_log_2_by_chance_and_weighs_groups_alike():
    silent = torch.nn.Linear(2, 1)
    torch.nn.init.zeros_(silent.weight)
    torch.nn.init.zeros_(silent.bias)
    salient, is_target = torch.randn(10, 2), torch.tensor([1.0] * 2 + [0.0] * 8)
    assert classification_loss(silent, salient, is_target).item() == pytest.approx(np.log(2))
    torch.nn.init.constant_(silent.bias, 3.0)
    uneven = classification_loss(silent, salient, is_target)
    even = classification_loss(silent, salient[:4], torch.tensor([1.0, 1, 0, 0]))
    assert torch.allclose(uneven, even)
    assert float(classification_loss(silent, salient, torch.ones(10))) == 0
    with torch.autocast("cpu", dtype=torch.float16):
        assert torch.isfinite(classification_loss(silent, 6e4 * salient, is_target))


@pytest.mark.parametrize(("name", "shrinks"), [("mm_cvae", "mean"), ("contrastive_vi", "both")])
def test_controls_salient_posterior_is_pulled_to_a_point(network, name, shrinks):
    objective = ObjectiveConfig.model_validate({"name": name})
    groups = [
        {"params": [parameter], "lr": 0.02 if "log_variance" in name else 3e-3}
        for part in (network.salient_encoder, network.trunk)
        for name, parameter in part.named_parameters()
    ]
    optimiser = torch.optim.Adam(groups)
    voxels, is_target = torch.randn(16, 200), torch.zeros(16)
    torch.manual_seed(8)

    @torch.no_grad()
    def posterior():
        code = network.encode(voxels).salient
        return float(code.mean.square().mean()), float(code.log_variance.exp().mean())

    before = posterior()
    for _ in range(300):
        terms, _ = contrastive_terms(network, None, voxels, is_target, objective, sample=True)
        pulls = ("salient_of_background", "salient_spread_of_background", "salient_mmd_of_background")
        optimiser.zero_grad()
        sum(getattr(objective, pull) * getattr(terms, pull) for pull in pulls).backward()
        optimiser.step()
    after = posterior()
    assert after[0] < 0.3 * before[0]
    assert shrinks == "mean" or after[1] < 0.5 * before[1]


@torch.no_grad()
def test_contrastive_vis_penalty_is_the_squared_wasserstein_distance_from_zero(network):
    voxels, is_target = torch.randn(5, 200), torch.zeros(5)
    values, posterior = terms(network, voxels, is_target), network.encode(voxels).salient
    distance = posterior.mean.square().sum(1) + posterior.log_variance.exp().sum(1)
    assert torch.allclose(
        2 * (values.salient_of_background + values.salient_spread_of_background), distance.mean()
    )


@torch.no_grad()
def test_a_plain_vae_decodes_everyones_salient_code(network):
    voxels = torch.randn(4, 200)
    controls = terms(network, voxels, torch.zeros(4), name="vae")
    patients = terms(network, voxels, torch.ones(4), name="vae")
    assert torch.allclose(controls.unexplained, patients.unexplained)
    assert torch.allclose(controls.kl_salient, patients.kl_salient)
    assert float(controls.kl_salient) > 0


EVERY_TERM = {
    "background_mmd": 1,
    "salient_mmd_of_background": 1,
    "hsic": 1,
    "classification": 1,
    "salient_spread_of_background": 1,
}


@pytest.mark.parametrize("is_target", [[0, 0, 0], [1, 1, 1], [1, 0, 0], [1], [0]])
@pytest.mark.parametrize("precision", [torch.float32, torch.float16, torch.bfloat16])
def test_every_term_is_finite_in_any_batch_and_precision(network, is_target, precision):
    objective, rows = ObjectiveConfig.model_validate(EVERY_TERM), torch.tensor(is_target, dtype=torch.float32)
    critic, classifier = Critic(3, 2, nonlinear=True, hidden=64), torch.nn.Linear(2, 1)
    for size in (1.0, 300.0):
        with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
            values, _ = contrastive_terms(
                *(network, critic, size * torch.randn(len(rows), 200), rows, objective),
                sample=True,
                classifier=classifier,
            )
            loss = weighted_loss(values, objective)
        assert np.isfinite([value.item() for value in values]).all()
        network.zero_grad()
        loss.backward()
        if size == 1 or precision != torch.float16:  # larger gradients of the network are for the loss scaler
            gradients = [p.grad for p in network.parameters() if p.grad is not None]
            assert all(torch.isfinite(gradient).all() for gradient in gradients)


@torch.no_grad()
def test_terms_of_patients_and_controls_do_not_touch_the_plain_comparison():
    nothing, rows = torch.zeros(8, 0), torch.tensor([1.0, 0] * 4)
    values = pair_terms(torch.randn(8, 3), nothing, rows, ObjectiveConfig.model_validate(EVERY_TERM))
    assert [float(value) for value in values.values()] == [0, 0, 0]
