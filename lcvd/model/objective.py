"""The training objective: EDM with sigma_data = 1, which is SVD's v-prediction (spec B2).

Shape suffixes: B clips, F frames, C latent channels, h w latent sides, H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lcvd.config.train import ObjectiveSettings
from lcvd.model.lcvd import LCVD
from lcvd.model.random_draws import Draws

FPS_ID, MOTION_ID = 6.0, 127.0
AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""Type of the autocast by `train.precision`; others have none."""


@dataclass(frozen=True)
class Coefficients:
    """EDM's preconditioning at sigma, each of sigma's shape: denoised = c_out * network(c_in * z) + c_skip * z."""

    c_in: Tensor
    c_skip: Tensor
    c_out: Tensor
    c_noise: Tensor
    weight: Tensor

    @classmethod
    def at(cls, sigma: Tensor) -> Coefficients:
        """At noise levels `sigma` > 0."""
        square = sigma**2 + 1
        return cls(1 / square.sqrt(), 1 / square, -sigma / square.sqrt(), 0.25 * sigma.log(), square / sigma**2)


def velocity(latents: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """The training target v = (noise - sigma * latents) / sqrt(sigma^2 + 1); sigma broadcasts."""
    return (noise - sigma * latents) / (sigma**2 + 1).sqrt()


def losses(output_BFChw: Tensor, velocity_BFChw: Tensor, mask_BF1hw: Tensor) -> tuple[Tensor, Tensor]:
    """L_LDM and L_p of each clip, (B,) each: mean squared error over the whole frame, and inside the portrait (mask = 1).

    The unweighted error of v equals the weighted error of the denoised latents, because weight * c_out^2 = 1. L_p is 0 if the
    mask is empty.
    """
    square = (output_BFChw.float() - velocity_BFChw.float()) ** 2
    channels = square.shape[2]
    inside = (square * mask_BF1hw).sum((1, 2, 3, 4)) / (channels * mask_BF1hw.sum((1, 2, 3, 4)) + 1e-8)
    return square.mean((1, 2, 3, 4)), inside


@dataclass(frozen=True)
class Encoded:
    """Outputs of the frozen networks: the autoencoder's posterior of the frames (`LatentCodec.posterior`) and the image token of
    the reference. float16 if they were precomputed, otherwise float32."""

    mean_BFChw: Tensor
    std_BFChw: Tensor
    token_B1D: Tensor


@dataclass(frozen=True)
class Batch:
    """Training windows on one device. Frame 0 is always the reference (spec B1)."""

    frames_BGHW3: Tensor
    """uint8 RGB: only the reference (G = 1) if `encoded` holds the frames, otherwise all frames (G = F)."""
    hints_BFHW3: Tensor
    """uint8 RGB, black outside the face."""
    mask_BF1hw: Tensor
    """Portrait mask at latent size, float32, 0 or 1."""
    draws: Draws
    encoded: Encoded | None = None
    """Precomputed outputs of the frozen networks, if the shards hold them."""
    warped_BFHW3: Tensor | None = None
    """uint8 RGB: the reference warped to each frame; None if the model takes the same reference for all frames."""


class Objective(nn.Module):
    """A model and its loss in one module, so that DeepSpeed's engine wraps the whole training step."""

    def __init__(self, model: LCVD, settings: ObjectiveSettings, precision: str = "fp32") -> None:
        super().__init__()
        self.model = model
        self.portrait_weight = settings.portrait_weight
        self.lower = AUTOCAST.get(precision)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """L_LDM and L_p of each clip, (B,) each, float32; `total` combines them.

        Raises:
            ValueError: the model takes a warped reference and the batch has none, or the other way round.
        """
        if self.model.warp_reference != (batch.warped_BFHW3 is not None):
            raise ValueError(
                f"warped_BFHW3: expected {'images' if self.model.warp_reference else 'None'} (the model's `warp_reference` is "
                f"{self.model.warp_reference}), got {'None' if self.model.warp_reference else 'images'}"
            )
        reference = to_signed(batch.frames_BGHW3[:, 0])
        draws = batch.draws
        sigma = draws.sigma_B[:, None, None, None, None]
        with torch.no_grad():
            posterior = draws.posterior_noise_BGChw
            encoded = batch.encoded or self._encoded(batch.frames_BGHW3)
            latents = self._latents(encoded, posterior[:, :-1])
            token = encoded.token_B1D.float() * draws.token_on_B[:, None, None]
            noisy = reference + draws.condition_sigma_B[:, None, None, None] * draws.condition_noise_B3HW
            condition = self.model.codec.encode_condition(noisy, posterior[:, -1])
            condition = condition * draws.latent_on_B[:, None, None, None] * (1 - batch.mask_BF1hw[:, 0])
        edm = Coefficients.at(sigma)
        x = network_input(edm.c_in * (latents + sigma * draws.noise_BFChw), condition)
        with torch.autocast(x.device.type, self.lower, enabled=self.lower is not None):
            warped = batch.warped_BFHW3
            shown = reference[:, None] if warped is None else to_signed(warped)
            images = {"shading": to_unit(batch.hints_BFHW3), "reference": shown}
            features = self.model.features({name: images[name] for name in self.model.adapters})
            ids = time_ids(draws.condition_sigma_B)
            output = self.model(x, edm.c_noise.flatten(), token, ids, features, draws.gates)
        return losses(output, velocity(latents, draws.noise_BFChw, sigma), batch.mask_BF1hw)

    def _encoded(self, frames_BFHW3: Tensor) -> Encoded:
        frames = to_signed(frames_BFHW3)
        mean, std = (x.unflatten(0, frames.shape[:2]) for x in self.model.codec.posterior(frames.flatten(0, 1)))
        return Encoded(mean, std, self.model.token(frames[:, 0]))

    def _latents(self, encoded: Encoded, noise_BFChw: Tensor) -> Tensor:
        """Scaled latents (B,F,C,h,w), sampled from the posterior with `noise_BFChw`."""
        mean, std = (x.float().flatten(0, 1) for x in (encoded.mean_BFChw, encoded.std_BFChw))
        drawn = self.model.codec.drawn(mean, std, noise_BFChw.flatten(0, 1))
        return drawn.unflatten(0, noise_BFChw.shape[:2]) * self.model.codec.factor

    def total(self, ldm_B: Tensor, portrait_B: Tensor) -> Tensor:
        """L = L_LDM + portrait_weight * L_p, averaged over the clips."""
        return (ldm_B + self.portrait_weight * portrait_B).mean()


def to_signed(frames_HW3: Tensor) -> Tensor:
    """uint8 (...,H,W,3) to float32 (...,3,H,W) in [-1,1]."""
    return frames_HW3.movedim(-1, -3).float() / 127.5 - 1


def to_unit(hints_HW3: Tensor) -> Tensor:
    """uint8 (...,H,W,3) to float32 (...,3,H,W) in [0,1]."""
    return hints_HW3.movedim(-1, -3).float() / 255


def network_input(scaled_BFChw: Tensor, condition_BChw: Tensor) -> Tensor:
    """Input of the UNet (B,F,2C,h,w): scaled noisy latents and the condition latent, repeated for each frame (spec A6)."""
    repeated = condition_BChw[:, None].expand(-1, scaled_BFChw.shape[1], -1, -1, -1)
    return torch.cat([scaled_BFChw, repeated], dim=2)


def time_ids(condition_sigma_B: Tensor, fps: float = FPS_ID, motion: float = MOTION_ID) -> Tensor:
    """The added time ids (B,3): frame rate minus one, motion bucket, and noise level of the condition."""
    constant = torch.tensor([fps, motion], device=condition_sigma_B.device).expand(len(condition_sigma_B), 2)
    return torch.cat([constant, condition_sigma_B[:, None]], dim=1)
