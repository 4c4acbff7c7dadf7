"""Loss terms, each a mean over participants or pairs of them, and their weighted sum.

A named objective (`adhd_cvae.config.OBJECTIVES`) is a set of weights.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from adhd_cvae.config import ObjectiveConfig
from adhd_cvae.models.network import Codes, ContrastiveVAE, Critic, Posterior
from adhd_cvae.training import distributed
from adhd_cvae.training.kernel_losses import normalised_hsic, squared_mmd, squared_mmd_from_zero


class Terms(NamedTuple):
    """What is optimised (weighted) and logged; nats per participant unless said otherwise."""

    likelihood: Tensor
    """Negative log-likelihood of the voxels, scaled to `effective_voxels`."""
    kl_background: Tensor
    kl_salient: Tensor
    total_correlation: Tensor
    salient_of_background: Tensor
    salient_spread_of_background: Tensor
    background_mmd: Tensor
    """0 to 2, as `salient_mmd_of_background`; the terms of two groups and of pairs are 0 where their weight is."""
    salient_mmd_of_background: Tensor
    hsic: Tensor
    """At most 1."""
    classification: Tensor
    unexplained: Tensor
    """Residual over total sum of squares around the training mean; logged only, as what follows."""
    active_salient: Tensor
    """Units whose posterior means vary among patients."""
    active_background: Tensor
    """Units whose posterior means vary among everyone."""


LOGGED = (
    *("kl_salient", "kl_background", "total_correlation", "salient_of_background"),
    *("salient_spread_of_background", "background_mmd", "salient_mmd_of_background", "hsic"),
    *("classification", "active_salient", "active_background"),
)
"""Terms with a column of their own in the history."""
PAIR_TERMS = ("background_mmd", "salient_mmd_of_background", "hsic")
"""Terms of pairs of participants: mean values of small batches say less than one of all."""


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


def classification_loss(
    classifier: nn.Linear, salient: Float[Tensor, "batch s"], is_target: Float[Tensor, " batch"]
) -> Tensor:
    """Cross-entropy of telling patients from controls by s, both groups weighing the same; nats, chance is log 2.

    SepVAE (Louiset et al. 2023, arXiv:2307.06206). From log odds in float32, since a sigmoid's odds overflow in half
    precision; 0 where a group is missing.
    """
    if not 0 < int(is_target.sum()) < len(is_target):
        return salient.new_zeros(())
    with torch.autocast(salient.device.type, enabled=False):
        log_odds = classifier(salient.float()).squeeze(1)
        shares = torch.where(is_target.bool(), is_target.mean(), 1 - is_target.mean())
        return nn.functional.binary_cross_entropy_with_logits(log_odds, is_target, 0.5 / shares)


def pair_terms(
    background: Float[Tensor, "batch z"],
    salient: Float[Tensor, "batch s"],
    is_target: Float[Tensor, " batch"],
    objective: ObjectiveConfig,
) -> dict[str, Tensor]:
    """The `PAIR_TERMS` of codes that are decoded: those with a weight; the rest, and a plain VAE's, are 0.

    MM-cVAE (Weinberger et al. 2022, arXiv:2202.10560): z has one distribution in both groups, controls' s is 0. HSIC
    instead of a critic (Lopez et al. 2018, arXiv:1805.08672): patients' z and s are independent.
    """
    target = is_target.bool()
    values: dict[str, Tensor] = {name: background.new_zeros(()) for name in PAIR_TERMS}
    if salient.shape[1] == 0:
        return values
    if objective.background_mmd > 0:
        values["background_mmd"] = squared_mmd(background[target], background[~target], objective.mmd_widths)
    if objective.salient_mmd_of_background > 0:
        values["salient_mmd_of_background"] = squared_mmd_from_zero(salient[~target], objective.mmd_widths)
    if objective.hsic > 0:
        values["hsic"] = normalised_hsic(background[target], salient[target])
    return values


def contrastive_terms(
    model: ContrastiveVAE,
    critic: Critic | None,
    voxels: Float[Tensor, "share voxels"],
    is_target: Float[Tensor, " batch"],
    objective: ObjectiveConfig,
    *,
    sample: bool,
    classifier: nn.Linear | None = None,
    site: Float[Tensor, "share sites"] | None = None,
) -> tuple[Terms, Codes]:
    """Every term of a batch; `is_target` is 1 for patients and 0 for controls, whose salient code is not decoded.

    With `sample` False the posterior means are decoded: evaluation has no noise. Of several processes, each gives the
    voxels of its share of the batch, with what the decoder takes for their sites, and all get the terms and codes of
    the whole.
    """
    size = len(is_target)
    ours = distributed.share(size)
    codes = _of_everyone(model.encode(voxels), size)
    decoded_code = Posterior.sample if sample else lambda posterior: posterior.mean
    background, salient = decoded_code(codes.background), decoded_code(codes.salient)
    is_decoded = is_target if objective.salient_of == "target" else torch.ones_like(is_target)
    decoded = model.decode(background[ours], (salient * is_decoded[:, None])[ours], site)
    effective = objective.effective_voxels or model.counted_voxels
    likelihood = effective * negative_log_likelihood(voxels, decoded, model.log_noise)
    target_rows = is_target.bool()
    correlation = voxels.new_zeros(())
    if critic is not None and int(target_rows.sum()) > 1:
        correlation = total_correlation(critic, background[target_rows], salient[target_rows])
    classification = voxels.new_zeros(())
    if classifier is not None:
        classification = classification_loss(classifier, salient, is_target)
    residual = (voxels - decoded).square().sum(dim=1) / voxels.square().sum(dim=1)
    spread = codes.salient.log_variance.exp()
    terms = Terms(
        likelihood=distributed.gathered(likelihood, size).mean(),
        kl_background=kl_standard_normal(codes.background).mean(),
        kl_salient=_mean_over(kl_standard_normal(codes.salient), is_decoded),
        total_correlation=correlation,
        salient_of_background=_mean_over(0.5 * codes.salient.mean.square().sum(dim=1), 1 - is_target),
        salient_spread_of_background=_mean_over(0.5 * spread.sum(dim=1), 1 - is_target),
        classification=classification,
        unexplained=distributed.gathered(residual, size).mean().detach(),
        active_salient=_active_units(codes.salient.mean[target_rows], objective.active_variance),
        active_background=_active_units(codes.background.mean, objective.active_variance),
        **pair_terms(background, salient, is_target, objective),
    )
    return terms, codes


def _of_everyone(codes: Codes, size: int) -> Codes:
    """Codes of the whole batch from those of our share."""
    if distributed.count() == 1:
        return codes
    parts = (*codes.salient, *codes.background)
    units = [part.shape[1] for part in parts]
    whole = distributed.gathered(torch.cat(parts, dim=1), size).split(units, dim=1)
    return Codes(Posterior(*whole[:2]), Posterior(*whole[2:]))


def _mean_over(values: Float[Tensor, " batch"], members: Float[Tensor, " batch"]) -> Tensor:
    """Mean of the members' values; 0 where there is none."""
    return (values * members).sum() / members.sum().clamp(min=1)


@torch.no_grad()
def _active_units(means: Float[Tensor, "n units"], least: float) -> Tensor:
    spread = (means - means.sum(dim=0) / max(len(means), 1)).square().sum(dim=0) / max(len(means), 1)
    return (spread > least).sum().float()


WEIGHTED = (
    "total_correlation",
    "salient_of_background",
    "salient_spread_of_background",
    *PAIR_TERMS,
    "classification",
)
"""Terms whose weight in `ObjectiveConfig` has their name."""


def weighted_loss(terms: Terms, objective: ObjectiveConfig) -> Tensor:
    """What training minimises, nats per participant."""
    loss = terms.likelihood + objective.beta * (terms.kl_background + terms.kl_salient)
    for name in WEIGHTED:
        if weight := getattr(objective, name):
            loss = loss + weight * getattr(terms, name)
    return loss


def held_out_nats(terms: Terms, is_target: Float[Tensor, " batch"], objective: ObjectiveConfig) -> Tensor:
    """Negative bound of a participant's log-likelihood, mean: no other term of the objective counts."""
    decoded = is_target.mean() if objective.salient_of == "target" else 1.0
    return terms.likelihood + terms.kl_background + decoded * terms.kl_salient


def mean_map_nats(voxels: Float[Tensor, "share voxels"], size: int, effective: float) -> Tensor:
    """The same where everybody is decoded as the training mean, with the noise that suits these maps best."""
    squared = distributed.gathered(voxels.square().mean(dim=1), size).mean()
    return 0.5 * effective * (squared.log() + 1 + math.log(2 * math.pi))
