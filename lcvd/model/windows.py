"""Windows over a video longer than the model's (spec D): which frames each holds, and how overlaps are blended."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

WindowRule = Literal["published", "shifted"]
_GOLDEN = (math.sqrt(5) - 1) / 2


def windows(frames: int, length: int = 16, overlap: int = 6) -> Tensor:
    """The published rule: frame indices (W, length) of every window over `frames` frames, frame 0, the reference, first
    in each.

    Windows start every ``length - overlap`` frames; a last one ends with the last frame when it would be left out.
    Neighbours share ``overlap - 1`` frames and the reference.

    Raises:
        ValueError: fewer frames than one window (pad by repetition first), or `overlap` doesn't fit.
    """
    _check(frames, length, overlap)
    starts = list(range(0, frames - length + 1, length - overlap))
    if starts[-1] + length < frames:
        starts.append(frames - length)
    return _anchored(starts, length)


def shifted_windows(frames: int, length: int, overlap: int, step: int) -> Tensor:
    """Windows whose borders lie elsewhere at every denoising step, so that no frame pair is a border for long.

    Windows start every ``length - overlap`` frames, less an offset that the golden ratio spreads over the steps; the
    first and the last are moved inside the video, where they overlap more. With an overlap of 1 neighbours share the
    reference alone.

    Raises:
        ValueError: as `windows`.
    """
    _check(frames, length, overlap)
    stride, last = length - overlap, frames - length
    offset = int(step * _GOLDEN % 1 * stride)
    starts = {min(max(start, 0), last) for start in range(-offset, last + stride, stride)}
    return _anchored(sorted(starts), length)


def windows_at(rule: WindowRule, frames: int, length: int, overlap: int, step: int) -> Tensor:
    """The windows (W, length) of denoising step `step` under `rule`."""
    if rule == "published":
        return windows(frames, length, overlap)
    return shifted_windows(frames, length, overlap, step)


def blend_weights(length: int = 16) -> Tensor:
    """Weights (length,) of a window's frames where windows overlap: a tent, min(w, 2-w) with w = 2(p+0.5)/length."""
    w = 2 * (torch.arange(length) + 0.5) / length
    return torch.minimum(w, 2 - w)


def tiled_noise(noise_TChw: Tensor, frames: int) -> Tensor:
    """Starting noise of a long video: one window's noise, repeated, so that frame f has noise f modulo T."""
    return noise_TChw[torch.arange(frames) % len(noise_TChw)]


def _anchored(starts: list[int], length: int) -> Tensor:
    indices = torch.tensor(starts)[:, None] + torch.arange(length)
    indices[:, 0] = 0
    return indices


def _check(frames: int, length: int, overlap: int) -> None:
    if frames < length:
        raise ValueError(f"{frames} frames are fewer than one window of {length}: repeat the last one")
    if not 1 <= overlap < length:
        raise ValueError(f"an overlap of {overlap} frames doesn't fit windows of {length}")
