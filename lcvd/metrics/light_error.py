"""LE, the distance between two spherical-harmonics lights (spec G), and what can be read off it.

The published LE estimates both lights with DECA. Where a light comes from the open fit (`lcvd.light.estimate`), the
number is reported as ``LE(open)``: the formula is the same, the estimator isn't.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lcvd.render.sh import dominant_direction

Array = NDArray[np.float64]

SCALE: Array = np.array([1.0] + [2 * np.pi / 3] * 3 + [np.pi / 4] * 5)
"""D of spec G, (9,): one weight a coefficient, by its order."""


def light_error(light: ArrayLike, target: ArrayLike) -> Array:
    """LE of each pair of lights: mean over RGB of the norm of D times the difference (spec G).

    Args:
        light: (..., 9, 3) coefficients, RGB last.
        target: the same, broadcast against `light`.

    Returns:
        (...) distances, at least 0.

    Raises:
        ValueError: the last axes aren't (9, 3), or a coefficient isn't finite.
    """
    difference = _lights(light) - _lights(target)
    return np.linalg.norm(SCALE[:, None] * difference, axis=-2).mean(axis=-1)


def light_angle(light: ArrayLike, target: ArrayLike) -> Array:
    """Angle in degrees, (...), between the dominant directions of two lights (`lcvd.render.sh`).

    NaN where a light has no direction (no linear coefficients).
    """
    first, second = (dominant_direction(_lights(each)).astype(np.float64) for each in (light, target))
    degrees = np.degrees(np.arccos(np.clip((first * second).sum(axis=-1), -1.0, 1.0)))
    return np.where(first.any(axis=-1) & second.any(axis=-1), degrees, np.nan)


def _lights(light: ArrayLike) -> Array:
    light = np.asarray(light, dtype=np.float64)
    if light.shape[-2:] != (9, 3):
        raise ValueError(f"a light has shape (..., 9, 3), found {light.shape}")
    if not np.isfinite(light).all():
        raise ValueError("a light's coefficient isn't finite: the fit behind it failed")
    return light
