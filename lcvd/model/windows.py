"""Overlapping windows over a video that is longer than one window (spec D), and the weights that blend them."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

WindowRule = Literal["published", "shifted"]
_GOLDEN = (math.sqrt(5) - 1) / 2


def published_windows(frames: int, length: int = 16, overlap: int = 6) -> Tensor:
    """The published rule: frame indices (W, length) of all windows over `frames` frames. The first frame of each window is the
    reference, frame 0.

    A window starts every ``length - overlap`` frames; an additional one ends with the last frame if the others don't reach it.
    Consecutive windows share ``overlap - 1`` frames and the reference.

    Raises:
        ValueError: there are fewer frames than one window has (pad the video first), or `overlap` doesn't fit.
    """
    _check(frames, length, overlap)
    starts = list(range(0, frames - length + 1, length - overlap))
    if starts[-1] + length < frames:
        starts.append(frames - length)
    return _anchored(starts, length)


def shifted_windows(frames: int, length: int, overlap: int, step: int) -> Tensor:
    """Windows whose borders differ from one denoising step to the next, so that no seam stays at one place.

    A window starts every ``length - overlap`` frames, shifted by an offset that the golden ratio distributes over the steps. The
    first and the last window are moved inside the video and overlap more. With an overlap of 1, consecutive windows share only
    the reference.

    Raises:
        ValueError: as `published_windows`.
    """
    _check(frames, length, overlap)
    stride, last = length - overlap, frames - length
    offset = int(step * _GOLDEN % 1 * stride)
    starts = {min(max(start, 0), last) for start in range(-offset, last + stride, stride)}
    return _anchored(sorted(starts), length)


def windows_at(rule: WindowRule, frames: int, length: int, overlap: int, step: int) -> Tensor:
    """The windows (W, length) of denoising step `step` under `rule`."""
    if rule == "published":
        return published_windows(frames, length, overlap)
    return shifted_windows(frames, length, overlap, step)


def blend_weights(length: int = 16) -> Tensor:
    """Blending weights (length,) of a window's frames: a tent, min(w, 2-w) with w = 2(p+0.5)/length."""
    w = 2 * (torch.arange(length) + 0.5) / length
    return torch.minimum(w, 2 - w)


def tiled_noise(noise_TChw: Tensor, frames: int) -> Tensor:
    """Initial noise of a long video: the noise of one window repeated, so that frame f has noise f modulo T."""
    return noise_TChw[torch.arange(frames) % len(noise_TChw)]


def _anchored(starts: list[int], length: int) -> Tensor:
    indices = torch.tensor(starts)[:, None] + torch.arange(length)
    indices[:, 0] = 0
    return indices


def _check(frames: int, length: int, overlap: int) -> None:
    if frames < length:
        raise ValueError(f"{frames} frames are fewer than one window of {length}: repeat the last frame")
    if not 1 <= overlap < length:
        raise ValueError(f"an overlap of {overlap} frames doesn't fit windows of {length}")
