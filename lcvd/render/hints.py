"""Shading hints: the picture of a grey head under the light, which the model is conditioned on (spec C4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import vectorize

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.heads import HeadModel
from lcvd.ledger.tally import timed
from lcvd.render.normals import vertex_normals
from lcvd.render.rasterize import Backend, Fragments, interpolate, rasterize
from lcvd.render.sh import check_light, shade_images, shade_seen

ALBEDO = 180 / 255
MAX_IMAGE_NORMAL_Z = 0.15
"""Pixels whose projected normal points further away from the camera than this are left black."""
WINDOW = 8
"""Frames rendered at once. At 512 px the arrays of more exceed 32 MB, from where on malloc asks the system for fresh pages
each time: a third of the rendering."""


@dataclass(frozen=True)
class Surface:
    """What the pixels of T frames see of the mesh.

    `normals` (T, S, S, 3) float32, interpolated in the camera's frame and not re-normalised; `coverage` (T, S, S) bool,
    any face; `alpha` (T, S, S) bool, what is shaded: covered and facing the camera.
    """

    normals: Array
    coverage: Array
    alpha: Array
    fragments: Fragments


def surface_of(
    vertices: Array,
    ndc: Array,
    faces: Array,
    size: int,
    face_weights: Array | None = None,
    backend: Backend = "auto",
) -> Surface:
    """Rasterise posed `vertices` (T, V, 3), model space, at their places `ndc` (T, V, 3) in a size x size picture.

    Normals come from `faces` alone, weighted by `face_weights`. The facing test takes normals of the projected mesh,
    whose z isn't scaled to the picture (spec C4).
    """
    fragments = rasterize(ndc, faces, size, backend)
    normals = vertex_normals(vertices, faces, face_weights)
    away = interpolate(fragments, faces, vertex_normals(ndc, faces, face_weights)[..., 2:])[..., 0]
    coverage = fragments.coverage
    alpha = coverage & (away < MAX_IMAGE_NORMAL_Z)
    return Surface(interpolate(fragments, faces, normals), coverage, alpha, fragments)


def shade_surface(surface: Surface, light: Array) -> Array:
    """Unclamped albedo * S * alpha, float32 (T, S, S, 3), under one light (9, 3) or one a frame (T, 9, 3)."""
    light = np.broadcast_to(check_light(light), (len(surface.alpha), 9, 3))
    return shade_images(surface.normals, surface.alpha, light, ALBEDO)


def to_uint8(values: Array) -> Array:
    """Clamp to [0, 1] and truncate to uint8, as the published renderer does."""
    return np.asarray(_truncated(np.asarray(values, np.float32)))


@vectorize(cache=True)
def _truncated(value: Any) -> Any:
    return np.uint8(min(max(value, np.float32(0)), np.float32(1)) * np.float32(255))


def surfaces_of(
    head: HeadModel, codes: FaceCodes, size: int, window: int = WINDOW, backend: Backend = "auto"
) -> Iterator[tuple[slice, Surface]]:
    """The hint region of a clip's head, a window of frames at a time: (frames of the window, what they see)."""
    for part, vertices, ndc in _posed(head, codes, window):
        yield part, surface_of(vertices, ndc, head.hint_faces, size, head.hint_weights, backend)


def _posed(head: HeadModel, codes: FaceCodes, window: int) -> Iterator[tuple[slice, Array, Array]]:
    """A window of frames at a time: which, the head's vertices in model space, and their places in NDC."""
    for start in range(0, codes.frames, window):
        part = slice(start, min(start + window, codes.frames))
        seen = codes.window(part)
        vertices = head.vertices(codes.identity, seen.expression, seen.pose)
        yield part, vertices, place(vertices, seen)


def hints_of(
    head: HeadModel,
    codes: FaceCodes,
    size: int,
    light: Array | None = None,
    window: int = WINDOW,
    backend: Backend = "auto",
) -> Iterator[Array]:
    """A clip's hints as windows of uint8 (t, size, size, 3), under its own light or another, (9, 3) or (T, 9, 3)."""
    lights = np.broadcast_to(codes.light if light is None else check_light(light), (codes.frames, 9, 3))
    lights = np.ascontiguousarray(lights)
    room = Fragments.empty(min(window, codes.frames), size)
    for part, vertices, ndc in _posed(head, codes, window):
        with timed("hints"):
            seen = rasterize(ndc, head.hint_faces, size, backend, room)
            shaded = _shade_fragments(seen, head, vertices, ndc, lights[part])
        yield shaded


class Hints:
    """A clip's hints under a light, any few of them rendered when they are asked for: `hints[indices]` is an array
    (n, S, S, 3) uint8. As `LCVDPipeline` takes them."""

    def __init__(self, head: HeadModel, codes: FaceCodes, size: int, light: Array) -> None:
        """Under one light (9, 3), or one a frame (T, 9, 3)."""
        self._head, self._codes, self._size = head, codes, size
        self._lights = np.broadcast_to(check_light(light), (codes.frames, 9, 3))

    def __len__(self) -> int:
        return self._codes.frames

    def __getitem__(self, indices: Any) -> Array:
        wanted = np.arange(len(self))[indices]
        return np.concatenate(list(hints_of(self._head, self._codes.window(wanted), self._size, self._lights[wanted])))

    def windows(self, length: int = WINDOW) -> Iterator[Array]:
        """All of them in order, at most `length` at a time."""
        return hints_of(self._head, self._codes, self._size, self._lights, length)


def _shade_fragments(seen: Fragments, head: HeadModel, vertices: Array, ndc: Array, light: Array) -> Array:
    """What `surface_of`, `shade_surface` and `to_uint8` make, to the byte, without their pictures in between."""
    faces, weights = np.ascontiguousarray(head.hint_faces, np.int64), head.hint_weights
    normals, away = vertex_normals(vertices, faces, weights), vertex_normals(ndc, faces, weights)
    return shade_seen(seen.face_index, seen.bary, faces, normals, away[..., 2], light, ALBEDO, MAX_IMAGE_NORMAL_Z)
