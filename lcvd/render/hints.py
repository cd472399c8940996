"""Shading hints: renderings of a grey head under the target light, on which the model is conditioned (spec C4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import HeadModel, posed
from lcvd.ledger.tally import timed
from lcvd.render.normals import vertex_normals
from lcvd.render.rasterize import Backend, Fragments, interpolate, rasterize
from lcvd.render.sh import ALBEDO, MAX_IMAGE_NORMAL_Z, check_light, shade_fragments, shade_images

WINDOW = 8
"""Number of frames rendered at once. At 512 px, the arrays of more frames exceed 32 MB; malloc then requests fresh pages each
time, which takes a third of the rendering time."""


@dataclass(frozen=True)
class Surface:
    """The visible surface of a mesh in T frames.

    `normals` (T, S, S, 3) float32 are interpolated in the camera's coordinates and not re-normalised; `alpha` (T, S, S) bool
    marks the pixels to shade: those covered by a triangle that faces the camera.
    """

    normals: Array
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
    """Rasterise posed `vertices` (T, V, 3) in model space at their projections `ndc` (T, V, 3), in size x size pixels.

    Normals are computed from `faces` alone, weighted by `face_weights`. The facing test uses the normals of the projected
    mesh, whose z isn't scaled to the image (spec C4).
    """
    fragments = rasterize(ndc, faces, size, backend)
    normals = vertex_normals(vertices, faces, face_weights)
    away = interpolate(fragments, faces, vertex_normals(ndc, faces, face_weights)[..., 2:])[..., 0]
    alpha = fragments.coverage & (away < MAX_IMAGE_NORMAL_Z)
    return Surface(interpolate(fragments, faces, normals), alpha, fragments)


def hint_surface(head: HeadModel, codes: FaceCodes, size: int, backend: Backend = "auto") -> Surface:
    """The hint region of the head in all frames of `codes`, in size x size pixels."""
    return surface_of(*posed(head, codes), head.hint_faces, size, head.hint_weights, backend)


def shade_surface(surface: Surface, light: Array) -> Array:
    """Unclamped albedo * S * alpha, float32 (T, S, S, 3), under one light (9, 3) or one per frame (T, 9, 3)."""
    light = np.broadcast_to(check_light(light), (len(surface.alpha), 9, 3))
    return shade_images(surface.normals, surface.alpha, light, ALBEDO)


def to_uint8(values: Array) -> Array:
    """Clamp to [0, 1] and truncate to uint8, as the published renderer does."""
    return (np.clip(np.asarray(values, np.float32), 0, 1) * np.float32(255)).astype(np.uint8)


def surfaces_of(
    head: HeadModel, codes: FaceCodes, size: int, window: int = WINDOW, backend: Backend = "auto"
) -> Iterator[tuple[slice, Surface]]:
    """The hint region of a clip's head, a window of frames at a time: (slice of the frames, surface)."""
    for part in _windows(codes.frames, window):
        yield part, hint_surface(head, codes.window(part), size, backend)


def _windows(frames: int, length: int) -> Iterator[slice]:
    return (slice(start, min(start + length, frames)) for start in range(0, frames, length))


def hints_of(
    head: HeadModel,
    codes: FaceCodes,
    size: int,
    light: Array | None = None,
    window: int = WINDOW,
    backend: Backend = "auto",
) -> Iterator[Array]:
    """Windows (t, size, size, 3) uint8 of a clip's hints under `light` (9, 3) or (T, 9, 3); None: the clip's own light."""
    lights = np.broadcast_to(codes.light if light is None else check_light(light), (codes.frames, 9, 3))
    lights = np.ascontiguousarray(lights)
    buffer = Fragments.empty(min(window, codes.frames), size)
    for part in _windows(codes.frames, window):
        vertices, ndc = posed(head, codes.window(part))
        with timed("hints"):
            fragments = rasterize(ndc, head.hint_faces, size, backend, buffer)
            shaded = _shade_fragments(fragments, head, vertices, ndc, lights[part])
        yield shaded


class Hints:
    """A clip's hints under a light, rendered on access: `hints[indices]` is an array (n, S, S, 3) uint8. `LCVDPipeline` accepts
    this class in place of an array."""

    def __init__(self, head: HeadModel, codes: FaceCodes, size: int, light: Array) -> None:
        """`light` is one light (9, 3), or one per frame (T, 9, 3)."""
        self._head, self._codes, self._size = head, codes, size
        self._lights = np.broadcast_to(check_light(light), (codes.frames, 9, 3))

    def __len__(self) -> int:
        return self._codes.frames

    def __getitem__(self, indices: Any) -> Array:
        wanted = np.arange(len(self))[indices]
        return np.concatenate(list(hints_of(self._head, self._codes.window(wanted), self._size, self._lights[wanted])))

    def windows(self, length: int = WINDOW) -> Iterator[Array]:
        """All hints in order, at most `length` at a time."""
        return hints_of(self._head, self._codes, self._size, self._lights, length)


def _shade_fragments(fragments: Fragments, head: HeadModel, vertices: Array, ndc: Array, light: Array) -> Array:
    """The same bytes as `surface_of`, `shade_surface` and `to_uint8` in sequence, without their intermediate images."""
    faces, weights = head.hint_faces, head.hint_weights
    normals, away = vertex_normals(vertices, faces, weights), vertex_normals(ndc, faces, weights)
    return shade_fragments(fragments.face_index, fragments.bary, faces, normals, away[..., 2], light)
