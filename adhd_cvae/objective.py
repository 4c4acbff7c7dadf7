"""Loss terms, each a mean over participants in nats, and their weighted sum."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from adhd_cvae.config import ObjectiveConfig
from adhd_cvae.network import Codes, ContrastiveVAE, Critic, Posterior


class Terms(NamedTuple):
    """What is optimised (weighted) and logged; nats per participant unless said otherwise."""

    likelihood: Tensor
    """Negative log-likelihood of the voxels, scaled to `effective_voxels`."""
    kl_background: Tensor
    kl_salient: Tensor
    total_correlation: Tensor
    background_salient: Tensor
    unexplained: Tensor
    """Residual over total sum of squares around the training mean; logged only."""


def kl_standard_normal(posterior: Posterior) -> Float[Tensor, " batch"]:
    """Kullback-Leibler divergence from N(0, 1), summed over units (Kingma & Welling 2014, appendix B)."""
    mean, log_variance = posterior
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)


def negative_log_likelihood(
    voxels: Float[Tensor, "batch voxels"], decoded: Float[Tensor, "batch voxels"], log_noise: Tensor
) -> Float[Tensor, " batch"]:
    """Gaussian with one noise variance for all voxels; mean over voxels, nats."""
    squared = (voxels - decoded).square().mean(dim=1)
    return 0.5 * (squared * torch.exp(-log_noise) + log_noise + math.log(2 * math.pi))


def total_correlation(critic: Critic, background: Tensor, salient: Tensor) -> Tensor:
    """The critic's estimate of KL(q(z, s) ‖ q(z) q(s)), for the encoders only: the critic does not learn from it."""
    frozen = {name: parameter.detach() for name, parameter in critic.named_parameters()}
    return torch.func.functional_call(critic, frozen, (background, salient)).mean()


def critic_loss(critic: Critic, background: Tensor, salient: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy and accuracy at telling joint from shuffled codes; the encoders get no gradient.

    Shuffling rolls the salient codes by one, so that none keeps its own background.
    """
    background, salient = background.detach(), salient.detach()
    joint = critic(background, salient)
    shuffled = critic(background, salient.roll(1, dims=0))
    log_odds = torch.cat([joint, shuffled])
    truth = torch.cat([torch.ones_like(joint), torch.zeros_like(shuffled)])
    accuracy = ((log_odds > 0) == (truth > 0)).float().mean()
    return nn.functional.binary_cross_entropy_with_logits(log_odds, truth), accuracy


def contrastive_terms(
    model: ContrastiveVAE,
    critic: Critic | None,
    voxels: Float[Tensor, "batch voxels"],
    is_target: Float[Tensor, " batch"],
    objective: ObjectiveConfig,
    *,
    sample: bool,
) -> tuple[Terms, Codes]:
    """Every term of a batch; `is_target` is 1 for patients, whose salient code is decoded, and 0 for controls.

    With `sample` False the posterior means are decoded: evaluation has no noise.
    """
    codes = model.encode(voxels)
    draw = Posterior.sample if sample else lambda posterior: posterior.mean
    background, salient = draw(codes.background), draw(codes.salient)
    decoded = model.decode(background, salient * is_target[:, None])
    effective = objective.effective_voxels or model.voxels
    likelihood = effective * negative_log_likelihood(voxels, decoded, model.log_noise)
    targets = is_target.sum().clamp(min=1)
    controls = (1 - is_target).sum().clamp(min=1)
    target_rows = is_target.bool()
    correlation = voxels.new_zeros(())
    if critic is not None and int(target_rows.sum()) > 1:
        correlation = total_correlation(critic, background[target_rows], salient[target_rows])
    residual = (voxels - decoded).square().sum(dim=1) / voxels.square().sum(dim=1)
    terms = Terms(
        likelihood=likelihood.mean(),
        kl_background=kl_standard_normal(codes.background).mean(),
        kl_salient=(kl_standard_normal(codes.salient) * is_target).sum() / targets,
        total_correlation=correlation,
        background_salient=(0.5 * codes.salient.mean.square().sum(dim=1) * (1 - is_target)).sum() / controls,
        unexplained=residual.mean().detach(),
    )
    return terms, codes


def weighted_loss(terms: Terms, objective: ObjectiveConfig) -> Tensor:
    """What training minimises, nats per participant."""
    return (
        terms.likelihood
        + objective.beta * (terms.kl_background + terms.kl_salient)
        + objective.total_correlation * terms.total_correlation
        + objective.background_salient * terms.background_salient
    )
