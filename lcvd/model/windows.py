"""Windows over a video longer than the model's (spec D): which frames each holds, and how overlaps are blended."""

from __future__ import annotations

import torch
from torch import Tensor


def windows(frames: int, length: int = 16, overlap: int = 6) -> Tensor:
    """Frame indices (W, length) of every window over `frames` frames, frame 0, the reference, first in each.

    Windows start every ``length - overlap`` frames; a last one ends with the last frame when it would be left out.
    Neighbours share ``overlap - 1`` frames and the reference.

    Raises:
        ValueError: fewer frames than one window (pad by repetition first), or `overlap` doesn't fit.
    """
    if frames < length:
        raise ValueError(f"{frames} frames are fewer than one window of {length}: repeat the last one")
    if not 1 <= overlap < length:
        raise ValueError(f"an overlap of {overlap} frames doesn't fit windows of {length}")
    starts = list(range(0, frames - length + 1, length - overlap))
    if starts[-1] + length < frames:
        starts.append(frames - length)
    indices = torch.tensor(starts)[:, None] + torch.arange(length)
    indices[:, 0] = 0
    return indices


def blend_weights(length: int = 16) -> Tensor:
    """Weights (length,) of a window's frames where windows overlap: a tent, min(w, 2-w) with w = 2(p+0.5)/length."""
    w = 2 * (torch.arange(length) + 0.5) / length
    return torch.minimum(w, 2 - w)


def tiled_noise(noise_TChw: Tensor, frames: int) -> Tensor:
    """Starting noise of a long video: one window's noise, repeated, so that frame f has noise f modulo T."""
    return noise_TChw[torch.arange(frames) % len(noise_TChw)]
