"""Per-triangle texture of a mesh without UVs: each triangle has its own triangular grid of texels.

Texels on a shared edge have the same position in both triangles, so a texture that is a function of position has no
seams.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from lcvd.array import Array
from lcvd.render.rasterize import Fragments
from lcvd.render.sh import CONSTANTS
from lcvd.render.threads import over_frames

MAX_ROWS = 24
DARKEST = 0.02
"""Minimum shading of a pixel."""
HIGHLIGHT_DIRECTION = np.array([-0.22, 0.30, 0.93], np.float32)
"""Direction of the specular highlight of an eye, as if it reflected a window: towards the camera, slightly up and to
one side, independent of the light."""
_HIGHLIGHT_START, _HIGHLIGHT_FULL = np.float32(0.965), np.float32(0.99)


@dataclass(frozen=True)
class TexelGrid:
    """Texel grids of F triangles: `rows` (F,) subdivisions of a side, `start` (F,) index of the first texel, and for
    each of N texels its triangle `face` (N,) and barycentric coordinates `bary` (N, 3)."""

    rows: Array
    start: Array
    face: Array
    bary: Array

    def interpolate(self, values: Array, faces: Array) -> Array:
        """Interpolate vertex values (V, C) at the texels: (N, C) float32."""
        corners = np.asarray(values, np.float32)[faces[self.face]]
        return np.einsum("nk,nkc->nc", self.bary, corners)


def build_texel_grid(vertices: Array, faces: Array, spacing: Array) -> TexelGrid:
    """Texel grids about `spacing` (F,) apart on the triangles `faces` (F, 3) of `vertices` (V, 3)."""
    corners = vertices[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max(1)
    rows = np.clip(np.ceil(longest / spacing), 1, MAX_ROWS).astype(np.int32)
    start = np.concatenate([[0], np.cumsum((rows + 1) * (rows + 2) // 2)])
    bary = np.empty((start[-1], 3), np.float32)
    for count in np.unique(rows):
        inside = np.add.outer(range(count + 1), range(count + 1)) <= count
        i, j = (part[inside] for part in np.mgrid[: count + 1, : count + 1])
        grid = np.stack([count - i - j, i, j], axis=-1) / count
        mine = start[:-1][rows == count]
        bary[(mine[:, None] + np.arange(len(grid))).ravel()] = np.tile(grid, (len(mine), 1))
    face = np.repeat(np.arange(len(faces)), np.diff(start))
    return TexelGrid(rows, start[:-1].astype(np.int64), face, bary)


def render_textured(
    fragments: Fragments,
    faces: Array,
    texels: TexelGrid,
    colours: Array,
    normals: Array,
    lights: Array,
    background: Array,
) -> tuple[Array, Array]:
    """Frames (T, S, S, 3) uint8 and masks (T, S, S) uint8 in {0, 255}, from fragments at twice that resolution.

    Args:
        fragments: rasterised (T, 2S, 2S) pixels; each 2 x 2 block becomes one output pixel.
        faces: triangles (F, 3).
        texels: the texel grids.
        colours: (N, 5) float32: albedo in display values under shading 1, highlight strength, and silhouette cutoff.
            Pixels whose normal has a z below the cutoff are transparent, so that the outline of hair is not polygonal.
        normals: unit vertex normals (T, V, 3) in the camera frame.
        lights: (T, 9, 3).
        background: (S, S, 3) in [0, 1].
    """
    frames, size = len(normals), len(background)
    out, masks = np.empty((frames, size, size, 3), np.uint8), np.empty((frames, size, size), np.uint8)
    folded = (np.asarray(lights, np.float32) * np.array(CONSTANTS, np.float32)[:, None]).astype(np.float32)
    background = np.ascontiguousarray(background, np.float32)
    tables = np.asarray(faces, np.int64), texels.start, texels.rows, np.ascontiguousarray(colours, np.float32)

    def render_frame(t: int) -> None:
        _render_frame(
            fragments.face_index[t], fragments.bary[t], *tables, normals[t], folded[t], background, out[t], masks[t]
        )

    over_frames(render_frame, frames)
    return out, masks


@njit(nogil=True, cache=True)
def _look_up(colours: Array, start: Any, rows: Any, b: Any, c: Any, k: Any) -> Any:
    """Channel k of the colour at barycentric coordinates (1 - b - c, b, c) of a triangle: linear between the three
    nearest texels."""
    u, v = b * rows, c * rows
    i, j = min(int(u), rows - 1), min(int(v), rows - 1)
    if i + j >= rows:
        i = rows - 1 - j
    u, v = u - i, v - j
    here = start + i * (rows + 1) - i * (i - 1) // 2 + j
    below = start + (i + 1) * (rows + 1) - (i + 1) * i // 2 + j
    if u + v <= 1 or i + j + 2 > rows:
        return (1 - u - v) * colours[here, k] + u * colours[below, k] + v * colours[here + 1, k]
    return (u + v - 1) * colours[below + 1, k] + (1 - v) * colours[below, k] + (1 - u) * colours[here + 1, k]


@njit(nogil=True, cache=True)
def _render_frame(
    face_index: Array,
    bary: Array,
    faces: Array,
    start: Array,
    rows: Array,
    colours: Array,
    normals: Array,
    light: Array,
    background: Array,
    out: Array,
    mask: Array,
) -> None:
    total = np.zeros(3, np.float32)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total[:] = 0
            seen = 0
            for part in range(4):
                row, column = 2 * y + part // 2, 2 * x + part % 2
                f = face_index[row, column]
                if f < 0:
                    continue
                wa, wb, wc = bary[row, column, 0], bary[row, column, 1], bary[row, column, 2]
                n, m, o = faces[f, 0], faces[f, 1], faces[f, 2]
                nx = wa * normals[n, 0] + wb * normals[m, 0] + wc * normals[o, 0]
                ny = wa * normals[n, 1] + wb * normals[m, 1] + wc * normals[o, 1]
                nz = wa * normals[n, 2] + wb * normals[m, 2] + wc * normals[o, 2]
                scale = np.float32(1) / max(np.sqrt(nx * nx + ny * ny + nz * nz), np.float32(1e-6))
                nx, ny, nz = nx * scale, ny * scale, nz * scale
                if nz < _look_up(colours, start[f], rows[f], wb, wc, 4):
                    continue
                seen += 1
                highlight = _look_up(colours, start[f], rows[f], wb, wc, 3)
                if highlight > 0:
                    cosine = nx * HIGHLIGHT_DIRECTION[0] + ny * HIGHLIGHT_DIRECTION[1] + nz * HIGHLIGHT_DIRECTION[2]
                    ramp = (cosine - _HIGHLIGHT_START) / (_HIGHLIGHT_FULL - _HIGHLIGHT_START)
                    highlight *= min(max(ramp, np.float32(0)), np.float32(1))
                for k in range(3):
                    shade = light[0, k] + light[1, k] * nx + light[2, k] * ny + light[3, k] * nz
                    shade += light[4, k] * nx * ny + light[5, k] * nx * nz + light[6, k] * ny * nz
                    shade += light[7, k] * (nx * nx - ny * ny) + light[8, k] * (3 * nz * nz - 1)
                    albedo = _look_up(colours, start[f], rows[f], wb, wc, k)
                    value = albedo * max(shade, np.float32(DARKEST))
                    total[k] += min(value + highlight, np.float32(1))
            for k in range(3):
                out[y, x, k] = np.uint8(255 * (total[k] + (4 - seen) * background[y, x, k]) / 4 + 0.5)
            mask[y, x] = 255 if seen >= 2 else 0
