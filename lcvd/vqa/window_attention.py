"""Shifted 3-D attention windows, and the distance of their tokens on the fragment grid (spec F).

Shape suffixes: B batch, D time, H and W rows and columns of tokens, C channels, w window, N tokens of a window.
"""

from __future__ import annotations

import torch
from torch import Tensor

Size = tuple[int, int, int]
GRID = 7
"""Number of fragments in each row and column of a frame."""
MASKED = -100.0
"""Bias between tokens that are in one window only because the cyclic shift moved them there from opposite borders."""


def to_windows(x_BDHWC: Tensor, window: Size) -> Tensor:
    """Partition features (B, D, H, W, C) into windows (B, w, N, C). Each axis must be a multiple of the window's."""
    batch, d, h, w, channels = x_BDHWC.shape
    wd, wh, ww = window
    parts = x_BDHWC.reshape(batch, d // wd, wd, h // wh, wh, w // ww, ww, channels)
    return parts.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(batch, -1, wd * wh * ww, channels)


def from_windows(x_BwNC: Tensor, size: Size, window: Size) -> Tensor:
    """Invert `to_windows`: (B, w, N, C) to (B, D, H, W, C). `size` is (D, H, W)."""
    (d, h, w), (wd, wh, ww) = size, window
    parts = x_BwNC.reshape(len(x_BwNC), d // wd, h // wh, w // ww, wd, wh, ww, -1)
    return parts.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(len(x_BwNC), d, h, w, -1)


def relative_index(window: Size) -> Tensor:
    """Return the row of the bias table for each pair of tokens of a window, (N, N) int64.

    Rows are ordered by the differences in time, row and column (row-major), each starting at the most negative.
    """
    axes = torch.meshgrid(*(torch.arange(w) for w in window), indexing="ij")
    positions = torch.stack([axis.flatten() for axis in axes])
    offsets = positions[:, :, None] - positions[:, None]
    time, row, column = (offsets[i] + window[i] - 1 for i in range(3))
    return (time * (2 * window[1] - 1) + row) * (2 * window[2] - 1) + column


def token_labels(size: Size, window: Size, shift: Size, device: torch.device) -> Tensor:
    """Return the labels (w, N, 3) float32 that `pair_biases` compares, for features (D, H, W) shifted by -`shift`.

    The labels of a token are its region relative to the borders of the cyclic shift, and its fragment's row and column.
    """
    axes = [(torch.arange(s, device=device) + m) % s for s, m in zip(size, shift, strict=True)]
    d, h, w = torch.meshgrid(*axes, indexing="ij")
    region = (d < shift[0]) + 2 * (h < shift[1]) + 4 * (w < shift[2])
    found = torch.stack([region, h * GRID // size[1], w * GRID // size[2]], -1)
    return to_windows(found[None].float(), window)[0]


def pair_biases(labels_wN3: Tensor) -> tuple[Tensor, Tensor]:
    """Return two values for each pair of tokens of a window, each (w, N, N).

    The first is the attention mask: `MASKED` for tokens of different regions, else 0. The second is the distance of their
    fragments: rows plus columns, 0 within a fragment, often above 1.
    """
    region, row, column = labels_wN3.unbind(-1)
    mask = MASKED * (region[:, :, None] != region[:, None])
    steps = (row[:, :, None] - row[:, None]).abs() + (column[:, :, None] - column[:, None]).abs()
    return mask, steps
