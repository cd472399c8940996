"""Clothed shoulders: a surface that leaves the neck at its collar and falls over shoulders and chest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from lcvd.studio.hair import grid_faces
from lcvd.studio.noise import noise, step
from lcvd.studio.person import Person

Array = NDArray[Any]
COLUMNS, ROWS = 96, 26
AXIS = -0.08
"""z of the neck's axis."""
WIDTH, DEPTH, LOWEST = 0.86, 0.44, -1.6
COLLAR, TILT = -0.60, 0.42
"""Height of the collar in front, and how much it rises to the back."""


def above_collar(places: Array) -> Array:
    """How far places (V, 3) of the template lie above the collar, which is lower in front than behind: (V,)."""
    return places[:, 1] - COLLAR + TILT * (places[:, 2] - 0.15)


def garment(vertices: Array, places: Array, faces: Array, who: Person) -> tuple[Array, Array, Array]:
    """A garment for a neck: vertices (N, 3), triangles (M, 3), and how far each vertex is from the collar (N,), 0 to 1.

    Args:
        vertices: the person's head (V, 3) at rest.
        places: the template (V, 3).
        faces: triangles of the skin (F, 3).
        who: what they wear; their seed draws the folds.
    """
    turn = np.linspace(-np.pi, np.pi, COLUMNS + 1)
    reach, height = _neck(vertices, above_collar(places), faces, turn)
    side = np.stack([np.sin(turn), np.cos(turn)], axis=-1)
    wide = np.abs(side) ** 0.8 * np.sign(side) * (WIDTH, DEPTH) + (0, AXIS + 0.02)
    close = side * reach[:, None] + (0, AXIS)
    # A neckline that leaves the throat bare has no roll in front.
    roll = np.ones(len(turn)) if who.garment != "vneck" else step(0.3, -0.4, side[:, 1]) + 0.05
    rings = []
    for out, up in ((-0.02, -0.05), (0.008, 0.012), (0.028, 0.016), (0.04, 0.0), (0.045, -0.03)):
        rings.append(_ring(close + out * side * roll[:, None], height + up * roll))
    for share in np.linspace(0, 1, ROWS)[1:]:
        flat = 1 - (1 - share) ** 2.3
        start, drop = close + 0.045 * side * roll[:, None], 0.2 * share + 0.8 * share**4
        level = (height - 0.03 * roll) * (1 - drop) + LOWEST * drop
        rings.append(_ring(start * (1 - flat) + wide * flat, level))
    points = np.concatenate(rings)
    away = np.repeat([0.0, 0.0, 0.02, 0.04, 0.06, *np.linspace(0.06, 1, ROWS)[1:]], COLUMNS + 1)
    folds = noise(points, (who.seed, 21), (0.30, 0.16, 0.3), 2) * 0.035 * np.clip(4 * (away - 0.06), 0, 1)
    points += folds[:, None] * np.array([0.3, 0.6, 1.0])
    points.reshape(len(rings), COLUMNS + 1, 3)[:, -1] = points.reshape(len(rings), COLUMNS + 1, 3)[:, 0]
    return points, grid_faces(len(rings), COLUMNS + 1), away


def _ring(flat: Array, height: Array) -> Array:
    return np.stack([flat[:, 0], height, flat[:, 1]], axis=-1)


def _neck(vertices: Array, above: Array, faces: Array, turn: Array) -> tuple[Array, Array]:
    """Distance from the axis and height, both (len(turn),), of the line where the collar's plane cuts the skin."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[above[edges[:, 0]] * above[edges[:, 1]] < 0]
    first, second = above[edges].T
    share = (first / (first - second))[:, None]
    line = vertices[edges[:, 0]] * (1 - share) + vertices[edges[:, 1]] * share
    angle = np.arctan2(line[:, 0], line[:, 2] - AXIS)
    order = angle.argsort()
    reach = np.hypot(line[:, 0], line[:, 2] - AXIS)
    values = [np.interp(turn, angle[order], part[order], period=2 * np.pi) for part in (reach, line[:, 1])]
    smooth = [gaussian_filter1d(value[:-1], 2.0, mode="wrap") for value in values]
    return tuple(np.append(value, value[0]) for value in smooth)  # type: ignore[return-value]
