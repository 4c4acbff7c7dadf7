"""The contrastive variational autoencoder: two encoders, one decoder, and a critic."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from adhd_cvae.config import ModelConfig
from adhd_cvae.models.convolutions import ConvolutionalDecoder, ConvolutionalEncoder
from adhd_cvae.models.patches import PatchDecoder, PatchHead, PatchTrunk, patch_index
from adhd_cvae.models.sites import site_columns


class Posterior(NamedTuple):
    """Diagonal Gaussian over the units of one space."""

    mean: Float[Tensor, "batch units"]
    log_variance: Float[Tensor, "batch units"]

    def sample(self) -> Float[Tensor, "batch units"]:
        """One draw per participant, differentiable (Kingma & Welling 2014)."""
        return self.mean + torch.exp(0.5 * self.log_variance) * torch.randn_like(self.mean)


def has_patches(config: ModelConfig) -> bool:
    """Whether the correction looks at patches."""
    return config.correction and config.trunk == "patches"


@dataclass(frozen=True)
class Codes:
    """Both posteriors of a batch."""

    salient: Posterior
    background: Posterior


class Encoder(nn.Module):
    """Map to posterior: a linear map of brain voxels, and a correction that starts at zero.

    Parameters
    ----------
    config
        Which parts there are: with ``start="random"`` no linear map, without ``correction`` nothing else.
    shape
        Grid.
    voxels
        Voxels inside the brain mask.
    units
        Size of the space.
    """

    def __init__(self, config: ModelConfig, shape: tuple[int, ...], voxels: int, units: int) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.full((units,), config.first_log_variance))
        self.correction: PatchHead | ConvolutionalEncoder | None = None
        if has_patches(config):
            self.correction = PatchHead(config, units)
        elif config.correction:
            self.correction = ConvolutionalEncoder(config, shape, units)
        self.linear = nn.Linear(voxels, units, bias=False) if config.start != "random" else None
        if self.linear is not None and self.correction is not None:
            nn.init.zeros_(self.correction.mean.weight)
            nn.init.zeros_(self.correction.mean.bias)

    def forward(self, seen: Tensor | None, centred: Float[Tensor, "batch voxels"]) -> Posterior:
        """Encode.

        `centred` are the mask's voxels from the linear map's origin; `seen` is what the correction looks at: features
        of the trunk, or the volume for convolutions of its own.
        """
        log_variance = self.log_variance.expand(len(centred), -1)
        mean = torch.zeros_like(log_variance)
        if self.correction is not None and seen is not None:
            change, spread = self.correction(seen)
            mean, log_variance = mean + change.float(), log_variance + spread.float()
        if self.linear is not None:
            with torch.autocast(centred.device.type, enabled=False):
                mean = mean + self.linear(centred)
        return Posterior(mean, log_variance.clamp(-12.0, 4.0))

    def log_length(self) -> Float[Tensor, " units"]:
        """Log squared length of each unit's linear weights, with which the code's error grows; 0 without them."""
        if self.linear is None:
            return torch.zeros_like(self.log_variance)
        return self.linear.weight.detach().square().sum(dim=1).clamp(min=1e-12).log()

    def keep_mean(self) -> None:
        """Let nothing that decides the posterior's mean learn."""
        parts = [self.linear, self.correction.mean if self.correction is not None else None]
        for part in parts:
            if part is not None:
                part.requires_grad_(False)


class Decoder(nn.Module):
    """Codes, and columns of sites, to standardised brain voxels: a linear map, and a correction that starts at zero."""

    def __init__(
        self, config: ModelConfig, shape: tuple[int, ...], voxels: int, patches: int, sites: int
    ) -> None:
        super().__init__()
        units = config.salient + config.background + sites
        self.correction: PatchDecoder | ConvolutionalDecoder | None = None
        if has_patches(config):
            self.correction = PatchDecoder(config, units, voxels, patches)
        elif config.correction:
            self.correction = ConvolutionalDecoder(config, shape, units)
        self.linear = nn.Linear(units, voxels, bias=False) if config.start != "random" else None

    def forward(
        self, codes: Float[Tensor, "batch units"], mask_index: Tensor
    ) -> Float[Tensor, "batch voxels"]:
        """Decode; codes are background then salient units, then sites."""
        voxels = codes.new_zeros(len(codes), len(mask_index), dtype=torch.float32)
        if isinstance(self.correction, PatchDecoder):
            voxels = voxels + self.correction(codes).float()
        elif self.correction is not None:
            voxels = voxels + self.correction(codes).flatten(1).index_select(1, mask_index).float()
        if self.linear is not None:
            with torch.autocast(codes.device.type, enabled=False):
                voxels = voxels + self.linear(codes.float())
        return voxels


class ContrastiveVAE(nn.Module):
    """Patients are decoded from (z, s), controls from (z, 0) (Abid & Zou 2019, arXiv:1902.04601).

    Takes and gives gray-matter maps in their own units; the brain mask and the voxelwise standardisation are part
    of the model. With ``config.salient == 0`` it is a plain VAE, without ``config.correction`` a linear model.

    Parameters
    ----------
    config
        Sizes and parts.
    shape
        Grid of the maps.
    voxels
        Voxels inside the brain mask.
    patches
        Patches of the grid that touch it; None for all. `set_mask` says which.
    sites
        Names of those that the decoder is conditioned on.
    """

    mask_index: Tensor
    voxel_mean: Tensor
    voxel_scale: Tensor
    origin: Tensor

    def __init__(
        self,
        config: ModelConfig,
        shape: tuple[int, int, int],
        voxels: int,
        patches: int | None = None,
        sites: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.config = config
        self.sites = tuple(sites)
        self.shape = tuple(shape)
        self.counted_voxels = voxels
        """For the likelihood of each voxel; more than there are where scores stand for voxels."""
        if has_patches(config) and any(length % config.patch for length in shape):
            raise ValueError(f"image.shape {shape} is not divisible by model.patch={config.patch}.")
        self.patches = prod(shape) // config.patch**3 if patches is None else patches
        self.trunk = PatchTrunk(config, self.patches) if has_patches(config) else None
        self.salient_encoder = Encoder(config, shape, voxels, config.salient) if config.salient else None
        self.background_encoder = Encoder(config, shape, voxels, config.background)
        self.decoder = Decoder(config, shape, voxels, self.patches, len(self.sites))
        self.log_noise = nn.Parameter(torch.zeros(()), requires_grad=config.noise == "learned")
        self.register_buffer("mask_index", torch.zeros(voxels, dtype=torch.long))
        self.register_buffer("voxel_mean", torch.zeros(voxels))
        self.register_buffer("voxel_scale", torch.ones(voxels))
        self.register_buffer("origin", torch.zeros(voxels))

    def encoders(self) -> dict[str, Encoder]:
        """Those there are, by space."""
        both = {"salient": self.salient_encoder, "background": self.background_encoder}
        return {name: encoder for name, encoder in both.items() if encoder is not None}

    @property
    def voxels(self) -> int:
        """Voxels inside the brain mask."""
        return len(self.mask_index)

    def set_mask(self, mask: np.ndarray) -> None:
        """Say which voxels of the grid are inside the brain mask: flat indices, (voxels,)."""
        self.mask_index.copy_(torch.from_numpy(mask))
        if self.trunk is not None and isinstance(self.decoder.correction, PatchDecoder):
            index = patch_index(mask, self.shape, self.config.patch)
            self.trunk.index.copy_(torch.from_numpy(index))
            self.decoder.correction.set_index(index)

    def standardise(self, images: Float[Tensor, "batch 1 x y z"]) -> Float[Tensor, "batch voxels"]:
        """The mask's voxels, from the training mean in units of the training spread."""
        inside = images.flatten(1).index_select(1, self.mask_index).float()
        return (inside - self.voxel_mean) / self.voxel_scale

    def gray_matter(self, standardised: Float[Tensor, "batch voxels"]) -> Float[Tensor, "batch voxels"]:
        """Undo `standardise`: gray-matter volume per voxel."""
        return standardised * self.voxel_scale + self.voxel_mean

    def to_volume(self, values: Float[Tensor, "batch voxels"]) -> Float[Tensor, "batch 1 x y z"]:
        """Put the mask's voxels into the grid, zero outside."""
        volume = values.new_zeros(len(values), self.shape[0] * self.shape[1] * self.shape[2])
        return volume.index_copy(1, self.mask_index, values).reshape(-1, 1, *self.shape)

    def encode(self, standardised: Float[Tensor, "batch voxels"]) -> Codes:
        """Posteriors of both spaces."""
        seen = None
        if self.trunk is not None:
            seen = self.trunk(standardised)
        elif self.config.correction:
            seen = self.to_volume(standardised).contiguous(memory_format=torch.channels_last_3d)
        centred = standardised - self.origin
        background = self.background_encoder(seen, centred)
        if self.salient_encoder is None:
            nothing = background.mean.new_zeros(len(standardised), 0)
            return Codes(Posterior(nothing, nothing), background)
        return Codes(self.salient_encoder(seen, centred), background)

    def forward(self, images: Float[Tensor, "batch 1 x y z"]) -> Float[Tensor, "batch units"]:
        """Posterior means of s, then z: what a user of the network alone, such as a MONAI bundle, asks for."""
        codes = self.encode(self.standardise(images))
        return torch.cat([codes.salient.mean, codes.background.mean], dim=1)

    def decode(
        self,
        background: Float[Tensor, "batch z"],
        salient: Float[Tensor, "batch s"] | None = None,
        site: Float[Tensor, "batch sites"] | None = None,
    ) -> Float[Tensor, "batch voxels"]:
        """Standardised voxels; without `salient` the twin, decoded with s = 0.

        `site` are `site_columns` of the network's `sites`, if it has any; without them it is the average one.
        """
        if salient is None:
            salient = background.new_zeros(len(background), self.config.salient)
        if site is None:
            site = torch.from_numpy(site_columns(None, self.sites, len(background))).to(background)
        voxels = self.origin + self.decoder(torch.cat([background, salient, site], dim=1), self.mask_index)
        return torch.sigmoid(voxels) if self.config.output == "sigmoid" else voxels


def empty_model(
    config: ModelConfig, shape: tuple[int, int, int], mask: np.ndarray, sites: Sequence[str] = ()
) -> ContrastiveVAE:
    """Build an untrained network on the voxels of a brain mask, flat indices (voxels,); `sites` are its decoder's."""
    patches = len(patch_index(mask, shape, config.patch)) if has_patches(config) else None
    model = ContrastiveVAE(config, shape, len(mask), patches, sites)
    model.set_mask(mask)
    return model


class Critic(nn.Module):
    """Tells codes of one participant from codes of two: log odds of (z, s) belonging together.

    Trained to do so, its log odds estimate log q(z, s) − log q(z) q(s), whose mean is the total correlation
    (Kim & Mnih 2018, arXiv:1802.05983). A linear critic, as the study used, cannot see dependence at all:
    shuffling leaves both means unchanged.
    """

    def __init__(self, background: int, salient: int, *, nonlinear: bool, hidden: int) -> None:
        super().__init__()
        units = background + salient
        layers = [
            nn.Linear(units, hidden),
            nn.LeakyReLU(),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(),
            nn.Linear(hidden, 1),
        ]
        self.log_odds = nn.Sequential(*layers) if nonlinear else nn.Linear(units, 1)

    def forward(
        self, background: Float[Tensor, "batch z"], salient: Float[Tensor, "batch s"]
    ) -> Float[Tensor, " batch"]:
        """Log odds, (batch,)."""
        return self.log_odds(torch.cat([background, salient], dim=1)).squeeze(1)
