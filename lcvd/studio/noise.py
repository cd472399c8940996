"""Smooth random fields in space, a pure function of the seed: what makes skin, hair and cloth uneven."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

Array = NDArray[Any]
_LATTICE = 32


def noise(points: Array, seed: Sequence[int], scale: float | Sequence[float], octaves: int = 1) -> Array:
    """Values (N,) float32 within [-1, 1] at points (N, 3), most often near 0; one lump is about `scale` wide, which may
    differ by axis. Each further octave is twice as fine and half as strong."""
    table = np.random.default_rng(seed).uniform(-1, 1, (_LATTICE,) * 3).astype(np.float32)
    total, strength = np.zeros(len(points), np.float32), 0.0
    for octave in range(octaves):
        places = (np.asarray(points, np.float64) / np.asarray(scale) * 2**octave + 7.3 * octave).T
        total += map_coordinates(table, places, order=1, mode="grid-wrap") / 2**octave
        strength += 0.5**octave
    return total / np.float32(strength)


def step(low: float, high: float, values: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def mix(first: Array, second: Array, share: Array) -> Array:
    """Colours (N, 3) or (3,) towards `second` by `share` (N,) in [0, 1]: (N, 3)."""
    return first + np.clip(share, 0, 1)[:, None] * (second - first)
