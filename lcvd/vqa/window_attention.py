"""Shifted 3-D windows, and how far apart their tokens are on the fragment grid (spec F).

Letters in names: B batch, D time, H and W rows and columns of tokens, C channels, w window, N tokens of a window.
"""

from __future__ import annotations

import torch
from torch import Tensor

Size = tuple[int, int, int]
GRID = 7
"""Fragments in a row and in a column of a frame."""
WALL = -100.0
"""What is added between tokens that only a shift brought into one window, from opposite ends."""


def split(x_BDHWC: Tensor, window: Size) -> Tensor:
    """Features cut into windows, (B, D, H, W, C) to (B, w, N, C); each axis is a multiple of the window's."""
    batch, d, h, w, channels = x_BDHWC.shape
    wd, wh, ww = window
    parts = x_BDHWC.reshape(batch, d // wd, wd, h // wh, wh, w // ww, ww, channels)
    return parts.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(batch, -1, wd * wh * ww, channels)


def join(x_BwNC: Tensor, size: Size, window: Size) -> Tensor:
    """The way back, (B, w, N, C) to (B, D, H, W, C); `size` is (D, H, W)."""
    (d, h, w), (wd, wh, ww) = size, window
    parts = x_BwNC.reshape(len(x_BwNC), d // wd, h // wh, w // ww, wd, wh, ww, -1)
    return parts.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(len(x_BwNC), d, h, w, -1)


def relative_index(window: Size) -> Tensor:
    """Row of the bias table for each pair of a window's tokens: (N, N) int64, row-major over the differences in time,
    row and column, each counted from the most negative."""
    axes = torch.meshgrid(*(torch.arange(w) for w in window), indexing="ij")
    places = torch.stack([axis.flatten() for axis in axes])
    apart = places[:, :, None] - places[:, None]
    time, row, column = (apart[i] + window[i] - 1 for i in range(3))
    return (time * (2 * window[1] - 1) + row) * (2 * window[2] - 1) + column


def labels(size: Size, window: Size, shift: Size, device: torch.device) -> Tensor:
    """What `pairs` compares, (w, N, 3) float32, for features (D, H, W) rolled back by `shift` and cut into windows: on
    which side of the roll's seams a token stood, and the row and column of its fragment."""
    axes = [(torch.arange(s, device=device) + m) % s for s, m in zip(size, shift, strict=True)]
    d, h, w = torch.meshgrid(*axes, indexing="ij")
    side = (d < shift[0]) + 2 * (h < shift[1]) + 4 * (w < shift[2])
    found = torch.stack([side, h * GRID // size[1], w * GRID // size[2]], -1)
    return split(found[None].float(), window)[0]


def pairs(labels_wN3: Tensor) -> tuple[Tensor, Tensor]:
    """For each two tokens of a window, (w, N, N) each: `WALL` where a seam is between them, else 0; and their fragments'
    distance, steps in rows plus steps in columns: 0 within a fragment, and often above 1."""
    side, row, column = labels_wN3.unbind(-1)
    wall = WALL * (side[:, :, None] != side[:, None])
    steps = (row[:, :, None] - row[:, None]).abs() + (column[:, :, None] - column[:, None]).abs()
    return wall, steps
