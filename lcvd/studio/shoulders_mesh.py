"""Mesh of clothed shoulders: a surface from the collar down over shoulders and chest."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from lcvd.array import Array
from lcvd.studio.hair import grid_triangles
from lcvd.studio.noise import noise, smoothstep
from lcvd.studio.person import Person

COLUMNS, ROWS = 96, 26
AXIS = -0.08
"""z of the neck's axis."""
WIDTH, DEPTH, LOWEST = 0.86, 0.44, -1.6
COLLAR, TILT = -0.60, 0.42
"""Height of the collar in front, and its rise towards the back."""


def height_above_collar(positions: Array) -> Array:
    """Height (V,) of template positions (V, 3) above the collar, which is lower in front than behind."""
    return positions[:, 1] - COLLAR + TILT * (positions[:, 2] - 0.15)


def build_garment(vertices: Array, positions: Array, faces: Array, person: Person) -> tuple[Array, Array, Array]:
    """Garment for a neck: vertices (N, 3), triangles (M, 3), and the normalised distance of each vertex from the collar
    (N,), 0 to 1.

    Args:
        vertices: the person's head (V, 3) at rest.
        positions: the template (V, 3).
        faces: triangles of the skin (F, 3).
        person: decides the kind of garment; the seed decides the folds.
    """
    azimuth = np.linspace(-np.pi, np.pi, COLUMNS + 1)
    reach, height = _collar_line(vertices, height_above_collar(positions), faces, azimuth)
    side = np.stack([np.sin(azimuth), np.cos(azimuth)], axis=-1)
    wide = np.abs(side) ** 0.8 * np.sign(side) * (WIDTH, DEPTH) + (0, AXIS + 0.02)
    close = side * reach[:, None] + (0, AXIS)
    # A V-neck has no rolled collar in front.
    roll = np.ones(len(azimuth)) if person.garment != "vneck" else smoothstep(0.3, -0.4, side[:, 1]) + 0.05
    rings = []
    for out, up in ((-0.02, -0.05), (0.008, 0.012), (0.028, 0.016), (0.04, 0.0), (0.045, -0.03)):
        rings.append(_ring(close + out * side * roll[:, None], height + up * roll))
    for share in np.linspace(0, 1, ROWS)[1:]:
        flat = 1 - (1 - share) ** 2.3
        start, drop = close + 0.045 * side * roll[:, None], 0.2 * share + 0.8 * share**4
        level = (height - 0.03 * roll) * (1 - drop) + LOWEST * drop
        rings.append(_ring(start * (1 - flat) + wide * flat, level))
    points = np.concatenate(rings)
    collar_distance = np.repeat([0.0, 0.0, 0.02, 0.04, 0.06, *np.linspace(0.06, 1, ROWS)[1:]], COLUMNS + 1)
    folds = noise(points, (person.seed, 21), (0.30, 0.16, 0.3), 2) * 0.035 * np.clip(4 * (collar_distance - 0.06), 0, 1)
    points += folds[:, None] * np.array([0.3, 0.6, 1.0])
    points.reshape(len(rings), COLUMNS + 1, 3)[:, -1] = points.reshape(len(rings), COLUMNS + 1, 3)[:, 0]
    return points, grid_triangles(len(rings), COLUMNS + 1), collar_distance


def _ring(flat: Array, height: Array) -> Array:
    return np.stack([flat[:, 0], height, flat[:, 1]], axis=-1)


def _collar_line(vertices: Array, above: Array, faces: Array, azimuth: Array) -> tuple[Array, Array]:
    """Distance from the axis and height, both (len(azimuth),), of the line where the collar plane cuts the skin."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[above[edges[:, 0]] * above[edges[:, 1]] < 0]
    first, second = above[edges].T
    share = (first / (first - second))[:, None]
    line = vertices[edges[:, 0]] * (1 - share) + vertices[edges[:, 1]] * share
    angle = np.arctan2(line[:, 0], line[:, 2] - AXIS)
    order = angle.argsort()
    reach = np.hypot(line[:, 0], line[:, 2] - AXIS)
    values = [np.interp(azimuth, angle[order], part[order], period=2 * np.pi) for part in (reach, line[:, 1])]
    smooth = [gaussian_filter1d(value[:-1], 2.0, mode="wrap") for value in values]
    return tuple(np.append(value, value[0]) for value in smooth)  # type: ignore[return-value]
