"""Smooth random fields in space, a pure function of the seed, used as detail of skin, hair and cloth."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import map_coordinates

from lcvd.array import Array

_LATTICE = 32


def noise(points: Array, seed: Sequence[int], scale: float | Sequence[float], octaves: int = 1) -> Array:
    """Values (N,) float32 within [-1, 1], mostly near 0, at points (N, 3). `scale` is the feature size, per axis if it
    is a sequence. Each further octave is twice as fine and half as strong."""
    table = np.random.default_rng(seed).uniform(-1, 1, (_LATTICE,) * 3).astype(np.float32)
    total, strength = np.zeros(len(points), np.float32), 0.0
    for octave in range(octaves):
        coordinates = (np.asarray(points, np.float64) / np.asarray(scale) * 2**octave + 7.3 * octave).T
        total += map_coordinates(table, coordinates, order=1, mode="grid-wrap") / 2**octave
        strength += 0.5**octave
    return total / np.float32(strength)


def smoothstep(low: float, high: float, values: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth in between."""
    weight = np.clip((values - low) / (high - low), 0, 1)
    return weight * weight * (3 - 2 * weight)


def mix(first: Array, second: Array, weight: Array) -> Array:
    """Interpolate colours (N, 3) or (3,) towards `second` by `weight` (N,), clipped to [0, 1]: (N, 3)."""
    return first + np.clip(weight, 0, 1)[:, None] * (second - first)
