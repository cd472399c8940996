"""All random numbers of a training sample, as a pure function of the seed and the sample's number (spec B2).

They don't depend on the process, the batch or the step, so a resumed run continues with exactly the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from lcvd.config.train import ObjectiveSettings
from lcvd.model.seeds import generator


@dataclass(frozen=True)
class Draws:
    """Random numbers of B samples, float32."""

    sigma_B: Tensor
    """Noise level of each clip."""
    noise_BFChw: Tensor
    condition_sigma_B: Tensor
    """Noise level on the reference image."""
    condition_noise_B3HW: Tensor
    posterior_noise_BGChw: Tensor
    """Noise for sampling the autoencoder's posterior of the F frames and, last (G = F + 1), of the noisy reference."""
    token_on_B: Tensor
    """0 if the image token is dropped, otherwise 1."""
    latent_on_B: Tensor
    """0 if the condition latent is dropped, otherwise 1."""
    gates: dict[str, Tensor]
    """(B,) of 0 or 1, by the name of the condition."""

    @classmethod
    def stack(cls, draws: Sequence[Draws]) -> Draws:
        """Concatenate several draws into one batch, in order."""
        tensors = {f.name: torch.cat([getattr(d, f.name) for d in draws]) for f in fields(cls) if f.name != "gates"}
        gates = {name: torch.cat([d.gates[name] for d in draws]) for name in draws[0].gates}
        return cls(**tensors, gates=gates)


def draw(
    seed: int,
    sample: int,
    settings: ObjectiveSettings,
    conditions: Sequence[str],
    latents_FChw: tuple[int, int, int, int],
    image_HW: tuple[int, int],
) -> Draws:
    """The random numbers of training sample `sample`, with B = 1."""
    rng = generator(seed, "draws", sample)
    u = torch.rand(2 + len(conditions), generator=rng)
    normal = torch.randn(2, generator=rng)
    p = settings.dropout
    open_gates = gates_from(u[None, 1:], settings)[0]
    return Draws(
        sigma_B=(settings.sigma_mean + settings.sigma_std * normal[:1]).exp(),
        condition_sigma_B=(settings.condition_mean + settings.condition_std * normal[1:]).exp(),
        token_on_B=(u[:1] >= 2 * p).float(),
        latent_on_B=((u[:1] < p) | (u[:1] >= 3 * p)).float(),
        gates={name: open_gates[i : i + 1].float() for i, name in enumerate(conditions)},
        noise_BFChw=torch.randn(1, *latents_FChw, generator=rng),
        condition_noise_B3HW=torch.randn(1, 3, *image_HW, generator=rng),
        posterior_noise_BGChw=torch.randn(1, latents_FChw[0] + 1, *latents_FChw[1:], generator=rng),
    )


def gates_from(u_N1K: Tensor, settings: ObjectiveSettings) -> Tensor:
    """Adapter gates (N, K) from uniform numbers (N, 1+K).

    Each gate is open with probability `gate`. The first number closes all gates if it is below `gate_none`, and opens all if it is
    above ``1 - gate_all``.
    """
    gates = u_N1K[:, 1:] < settings.gate
    forced_off = u_N1K[:, :1] < settings.gate_none
    forced_on = u_N1K[:, :1] > 1 - settings.gate_all
    return (gates & ~forced_off) | forced_on
