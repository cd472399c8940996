"""Ambient occlusion per vertex: soft shadows in eye sockets, ears and mouth and under the chin."""

from __future__ import annotations

import numpy as np

from lcvd.array import Array
from lcvd.light.presets import fibonacci_sphere
from lcvd.render.normals import vertex_normals
from lcvd.render.rasterize import rasterize

SIZE, BIAS, REACH = 192, 0.02, 1.6
VIEWS = 48


def ambient_visibility(vertices: Array, faces: Array) -> Array:
    """Cosine-weighted fraction (V,) of the directions above the surface from which each of vertices (V, 3) is visible."""
    normals = vertex_normals(vertices[None], faces)[0]
    seen, total = np.zeros(len(vertices)), np.full(len(vertices), 1e-6)
    for direction in fibonacci_sphere(VIEWS)[:, [0, 2, 1]]:  # from +y to -y
        side = np.cross(direction, (0.3, 1.0, 0.1))
        side /= np.linalg.norm(side)
        frame = np.stack([side, np.cross(side, direction), -direction])
        rotated = vertices @ frame.T / REACH + (0, 0, 2)
        depth = rasterize(rotated[None], faces, SIZE).depth[0]
        depth = np.where(depth < 0, np.inf, depth)
        column, row = np.clip(((rotated[:, :2] + 1) * SIZE / 2).astype(int), 0, SIZE - 1).T
        weight = np.clip(normals @ direction, 0, None)
        seen += weight * (rotated[:, 2] < depth[row, column] + BIAS)
        total += weight
    return seen / total
