"""Sampling: SVD's Euler steps over windows, with guidance between two sets of conditions (spec D)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from lcvd.model.networks import EulerDiscreteScheduler
from lcvd.model.windows import blend_weights, tiled_noise, windows


class TwoConditions(Protocol):
    """The network under both sets of conditions, for one window."""

    def __call__(self, scaled_TChw: Tensor, timestep: Tensor, indices_T: Tensor) -> tuple[Tensor, Tensor]:
        """Raw v-predictions y1 (the weaker set) and y2 (the full set), (T,C,h,w) each, of the frames `indices_T`."""


def euler_scheduler(steps: int) -> EulerDiscreteScheduler:
    """diffusers' Euler scheduler as Stable Video Diffusion configures it: Karras sigmas from 700 to 0.002."""
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        sigma_min=0.002,
        sigma_max=700.0,
        timestep_spacing="leading",
        timestep_type="continuous",
        steps_offset=1,
        use_karras_sigmas=True,
    )
    scheduler.set_timesteps(steps)
    return scheduler


def sample(
    network: TwoConditions,
    noise_TChw: Tensor,
    frames: int,
    *,
    steps: int,
    guidance: float,
    overlap: int = 6,
    progress: Callable[[int, int], None] | None = None,
    inspect: Callable[[int, Tensor], None] | None = None,
) -> Tensor:
    """Latents (frames,C,h,w) of a video of any length.

    At each step every window's predictions y1 and y2 are averaged over windows, each under a tent of weights, then
    combined as ``y1 + guidance * (y2 - y1)``. Deterministic given `noise_TChw`, the normal noise of one window,
    which is tiled over the video. Fewer frames than a window are padded (the noise repeats; `network` sees the padded
    indices clipped to the last frame) and cut off again.

    Args:
        progress: called with (network calls done, network calls in all).
        inspect: called with (step, latents) after each step.
    """
    length = len(noise_TChw)
    padded = max(frames, length)
    wins, weights = windows(padded, length, overlap), blend_weights(length).to(noise_TChw)[:, None, None, None]
    scheduler = euler_scheduler(steps)
    latents = tiled_noise(noise_TChw, padded) * scheduler.init_noise_sigma
    total = torch.zeros(padded, device=latents.device, dtype=latents.dtype)
    for window in wins:
        total[window] += weights[:, 0, 0, 0]
    for step, timestep in enumerate(scheduler.timesteps):
        scaled = scheduler.scale_model_input(latents, timestep)
        sums = (torch.zeros_like(latents), torch.zeros_like(latents))
        for number, window in enumerate(wins):
            outputs = network(scaled[window], timestep, window.clamp(max=frames - 1))
            for part, output in zip(sums, outputs, strict=True):
                part[window] += weights * output
            if progress:
                progress(step * len(wins) + number + 1, steps * len(wins))
        y1, y2 = (part / total[:, None, None, None] for part in sums)
        latents = scheduler.step(y1 + guidance * (y2 - y1), timestep, latents, return_dict=False)[0]
        if inspect:
            inspect(step, latents[:frames])
    return latents[:frames]
