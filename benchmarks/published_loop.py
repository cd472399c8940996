"""A plain implementation of the published sampling loop, the baseline of `benchmarks.model` (spec D).

It processes window by window with two separate network calls. Adapter features are recomputed for every call, for the
reference on as many copies as the window has frames. A disabled condition is a tensor of zeros. The video is decoded
frame by frame. It was written from the description, so that both can be compared on the same weights.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lcvd.array import Array
from lcvd.model.lcvd import LCVD
from lcvd.model.masks import latent_mask
from lcvd.model.pipeline import to_uint8
from lcvd.model.schedule import euler_scheduler

NOISE = 0.02
IDS = (6.0, 127.0, NOISE)


def window_starts(frames: int, length: int, overlap: int) -> list[int]:
    """First indices of the windows over `frames` frames."""
    starts = [0]
    while starts[-1] + length < frames:
        starts.append(min(starts[-1] + length - overlap, frames - length))
    return starts


def call(
    model: LCVD, x_FChw: Tensor, t: Tensor, token: Tensor, images: dict[str, Tensor], device: torch.device
) -> Tensor:
    """One network call: one window, one set of conditions; `images` (F,3,H,W) by condition."""
    features = model.features({name: value[None].to(device, model.unet.dtype) for name, value in images.items()})
    off = torch.zeros_like(features["reference"])
    ids = torch.tensor([IDS], device=device)
    dtype = model.unet.dtype
    return (
        model(x_FChw[None].to(device, dtype), t.to(device)[None], token, ids.to(dtype), {"shading": off, **features})[0]
        .float()
        .cpu()
    )


@torch.inference_mode()
def published_loop(
    model: LCVD,
    reference: Array,
    mask: Array,
    hints: Array,
    *,
    guidance: float,
    generator: torch.Generator,
    steps: int,
) -> tuple[Tensor, NDArray[np.uint8]]:
    """Latents (N,C,h,w) and frames (N,H,W,3) after the reference.

    Args:
        model: the weights. reference: (H,W,3) uint8. mask: (H,W) uint8, over 127 is person.
        hints: (N+1,H,W,3) uint8, the reference's own first. generator: draws the noise.
    """
    device, dtype, length, count, side = model.device, model.unet.dtype, model.frames, len(hints), model.size // 8
    signed = torch.from_numpy(reference).movedim(-1, 0).float() / 255 * 2 - 1
    noise = torch.randn(length, model.codec.channels, side, side, generator=generator)
    noisy = signed + NOISE * torch.randn(1, *signed.shape, generator=generator)[0]
    condition = model.codec.encode_condition(noisy[None].to(device, dtype))
    condition = (condition * (1 - latent_mask(torch.from_numpy(mask > 127)[None].to(device)))).float().cpu()
    token = model.token(signed[None].to(device)).to(dtype)
    shading = torch.from_numpy(hints).movedim(-1, 1).float() / 255
    copies = signed.expand(length, -1, -1, -1)
    scheduler = euler_scheduler(model.sigmas)
    scheduler.set_timesteps(steps)
    position = (torch.arange(length) + 0.5) * 2 / length
    tent = torch.minimum(position, 2 - position)[:, None, None, None]
    latents = noise[torch.arange(count) % length] * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(latents, t)
        weak, full = torch.zeros_like(latents), torch.zeros_like(latents)
        total = torch.zeros(count, 1, 1, 1)
        for start in window_starts(count, length, model.overlap):
            window = torch.tensor([0, *range(start + 1, start + length)])
            x = torch.cat([scaled[window], condition.expand(length, -1, -1, -1)], dim=1)
            y1 = call(model, x, t, torch.zeros_like(token), {"reference": copies}, device)
            y2 = call(model, x, t, token, {"shading": shading[window], "reference": copies}, device)
            weak[window] += tent * y1
            full[window] += tent * y2
            total[window] += tent
        v = weak / total + guidance * (full / total - weak / total)
        latents = scheduler.step(v, t, latents, return_dict=False)[0]
    frames = [to_uint8((model.codec.decode(one[None].to(device, dtype)).float() + 1) / 2)[0] for one in latents[1:]]
    return latents[1:], np.stack(frames)
