"""Overlapping windows over a video that is longer than one window (spec D), and the weights that blend them."""

import math
from typing import Literal

import torch
from torch import Tensor

WindowRule = Literal["published", "shifted"]
_GOLDEN = (math.sqrt(5) - 1) / 2


def windows(frames: int, length: int = 16, overlap: int = 6, rule: WindowRule = "published", step: int = 0) -> Tensor:
    """Frame indices (W, length) of all windows over `frames` frames. The first frame of each window is the reference, frame 0.

    Published rule: a window starts every ``length - overlap`` frames; an additional one ends with the last frame if the others
    don't reach it. Consecutive windows share ``overlap - 1`` frames and the reference.

    Shifted rule: the window borders differ from one denoising step to the next, so that no seam stays at one place. The windows
    of step `step` are shifted by an offset that the golden ratio distributes over the steps. The first and the last window are
    moved inside the video and overlap more.

    Raises:
        ValueError: there are fewer frames than one window has (pad the video first), or `overlap` doesn't fit.
    """
    if frames < length:
        raise ValueError(f"{frames} frames are fewer than one window of {length}: repeat the last frame")
    if not 1 <= overlap < length:
        raise ValueError(f"an overlap of {overlap} frames doesn't fit windows of {length}")
    stride, last = length - overlap, frames - length
    offset = int(step * _GOLDEN % 1 * stride) if rule == "shifted" else 0
    starts = sorted({min(max(start, 0), last) for start in range(-offset, last + stride, stride)})
    indices = torch.tensor(starts)[:, None] + torch.arange(length)
    indices[:, 0] = 0
    return indices


def blend_weights(length: int = 16) -> Tensor:
    """Blending weights (length,) of a window's frames: a tent, min(w, 2-w) with w = 2(p+0.5)/length."""
    w = 2 * (torch.arange(length) + 0.5) / length
    return torch.minimum(w, 2 - w)


def tiled_noise(noise_TChw: Tensor, frames: int) -> Tensor:
    """Initial noise of a long video: the noise of one window repeated, so that frame f has noise f modulo T."""
    return noise_TChw[torch.arange(frames) % len(noise_TChw)]
