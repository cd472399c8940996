"""Rasterise triangle meshes with PyTorch3D's semantics (spec C4, K9), with numba or PyTorch3D itself.

Each pixel sees the nearest face: no blur, no culling, linear barycentric coordinates. The pixel centre i + 0.5 is at NDC
2(i + 0.5)/S - 1 (x right, y down). Pixels on an edge aren't covered: barycentric coordinates must be strictly positive.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.render.normals import check_faces
from lcvd.render.threads import over_frames

Backend = Literal["auto", "numba", "pytorch3d"]
MIN_AREA = 1e-8
"""Twice the area in NDC below which PyTorch3D treats a triangle as degenerate."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fragments:
    """Rasterised T frames of S x S pixels.

    `face_index` (T, S, S) int32; barycentric coordinates `bary` (T, S, S, 3) and `depth` (T, S, S) float32. Pixels without
    a face are -1 in all three.
    """

    face_index: Array
    bary: Array
    depth: Array

    @property
    def coverage(self) -> Array:
        """Mask (T, S, S) of the pixels with a face."""
        return self.face_index >= 0

    @classmethod
    def empty(cls, frames: int, size: int) -> Fragments:
        """Uninitialised arrays for so many frames, as the buffer of `rasterize`."""
        shape = (frames, size, size)
        return cls(np.empty(shape, np.int32), np.empty((*shape, 3), np.float32), np.empty(shape, np.float32))


def rasterize(
    vertices: Array, faces: Array, size: int, backend: Backend = "auto", buffer: Fragments | None = None
) -> Fragments:
    """Rasterise posed meshes: vertices (T, V, 3) in NDC (smaller z is nearer, negative z behind the camera), faces (F, 3).

    If `buffer` for at least T frames is given, the result is a view of it. Reusing a buffer in a loop over windows avoids
    that the system clears fresh pages each time.

    Raises:
        ValueError: shapes are inconsistent, the backend is unknown, or ``pytorch3d`` isn't usable.
    """
    vertices = np.ascontiguousarray(vertices, np.float32)
    faces = check_faces(faces, vertices)
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, not {size}")
    if choose_backend(backend) == "pytorch3d":
        return _rasterize_pytorch3d(vertices, faces, size)
    frames = len(vertices)
    buffer = buffer or Fragments.empty(frames, size)
    index, bary, depth = buffer.face_index[:frames], buffer.bary[:frames], buffer.depth[:frames]
    over_frames(lambda t: _rasterize_frame(vertices[t], faces, index[t], bary[t], depth[t]), frames)
    return Fragments(index, bary, depth)


@njit(nogil=True, cache=True)
def _rasterize_frame(vertices: Array, faces: Array, face_index: Array, bary: Array, depth: Array) -> None:
    size = face_index.shape[0]
    half = 0.5 * size
    face_index[:] = -1
    bary[:] = -1.0
    depth[:] = -1.0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        # Pixel coordinates with centres on integers, in double precision, so that neighbours agree on their common edge.
        ax, ay = (vertices[a, 0] + 1.0) * half - 0.5, (vertices[a, 1] + 1.0) * half - 0.5
        bx, by = (vertices[b, 0] + 1.0) * half - 0.5, (vertices[b, 1] + 1.0) * half - 0.5
        cx, cy = (vertices[c, 0] + 1.0) * half - 0.5, (vertices[c, 1] + 1.0) * half - 0.5
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if not abs(area) > MIN_AREA * half * half:  # also true for nan
            continue
        left, right = max(np.ceil(min(ax, bx, cx)), 0.0), min(np.floor(max(ax, bx, cx)), size - 1.0)
        top, bottom = max(np.ceil(min(ay, by, cy)), 0.0), min(np.floor(max(ay, by, cy)), size - 1.0)
        if left > right or top > bottom:
            continue
        za, zb, zc = vertices[a, 2], vertices[b, 2], vertices[c, 2]
        inverse = 1.0 / area
        for y in range(int(top), int(bottom) + 1):
            for x in range(int(left), int(right) + 1):
                wa = ((bx - x) * (cy - y) - (by - y) * (cx - x)) * inverse
                wb = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) * inverse
                wc = ((ax - x) * (by - y) - (ay - y) * (bx - x)) * inverse
                if wa > 0.0 and wb > 0.0 and wc > 0.0:
                    z = wa * za + wb * zb + wc * zc
                    if z >= 0.0 and (face_index[y, x] < 0 or z < depth[y, x]):
                        face_index[y, x] = f
                        depth[y, x] = z
                        bary[y, x, 0], bary[y, x, 1], bary[y, x, 2] = wa, wb, wc


def interpolate(fragments: Fragments, faces: Array, values: Array) -> Array:
    """Interpolate vertex values (T, V, C) linearly at each pixel: float32 (T, S, S, C), zeros where there is no face."""
    values, faces = np.ascontiguousarray(values, np.float32), np.ascontiguousarray(faces, np.int64)
    index, bary = fragments.face_index, fragments.bary
    out = np.zeros((*index.shape, values.shape[-1]), np.float32)  # untouched pages need no memory
    over_frames(lambda t: _interpolate_frame(index[t], bary[t], faces, values[t], out[t]), len(values))
    return out


@njit(nogil=True, cache=True)
def _interpolate_frame(face_index: Array, bary: Array, faces: Array, values: Array, out: Array) -> None:
    channels = values.shape[1]
    for y in range(face_index.shape[0]):
        for x in range(face_index.shape[1]):
            f = face_index[y, x]
            if f < 0:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            wa, wb, wc = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            for k in range(channels):
                out[y, x, k] = wa * values[a, k] + wb * values[b, k] + wc * values[c, k]


def choose_backend(backend: Backend) -> Literal["numba", "pytorch3d"]:
    """The backend to use. ``auto`` is PyTorch3D on CUDA if it works, else numba, and is logged once.

    Raises:
        UsageError: the name is unknown, or ``pytorch3d`` isn't usable. The message gives the reason.
    """
    if backend == "numba":
        return "numba"
    if backend not in ("auto", "pytorch3d"):
        raise UsageError(f"rasteriser backend {backend!r} doesn't exist; choose auto, numba or pytorch3d")
    trouble = pytorch3d_trouble()
    if backend == "pytorch3d" and trouble:
        raise UsageError(f"rasteriser backend pytorch3d isn't usable: {trouble}; choose auto or numba instead")
    return _auto_choice(trouble) if backend == "auto" else "pytorch3d"


@functools.cache
def _auto_choice(trouble: str) -> Literal["numba", "pytorch3d"]:
    choice: Literal["numba", "pytorch3d"] = "numba" if trouble else "pytorch3d"
    log.info("rasteriser: %s%s", choice, f" (PyTorch3D isn't used: {trouble})" if trouble else " on CUDA")
    return choice


@functools.cache
def pytorch3d_trouble() -> str:
    """Reason why PyTorch3D isn't usable, or "". It must be importable, find CUDA and rasterise one triangle correctly.

    The triangle is needed because a build for another version of torch can be imported but misreads tensors.
    """
    if importlib.util.find_spec("pytorch3d") is None:
        return "it isn't installed; see the extra lcvd[pytorch3d]"
    try:
        import torch
        from pytorch3d.renderer.mesh import rasterize_meshes  # noqa: F401
    except ImportError as error:
        return f"it can't be imported ({error}); see the extra lcvd[pytorch3d]"
    if not torch.cuda.is_available():
        return "there is no CUDA device"
    triangle = np.array([[[-0.9, -0.8, 2], [0.8, -0.7, 3], [-0.2, 0.9, 4]]], np.float32)
    faces = np.array([[0, 1, 2]])
    try:
        found, expected = _rasterize_pytorch3d(triangle, faces, 16), rasterize(triangle, faces, 16, "numba")
    except Exception as error:
        return f"its self-test on one triangle raised {type(error).__name__}: {error}"
    same = np.array_equal(found.face_index, expected.face_index) and np.allclose(found.bary, expected.bary, atol=1e-4)
    return "" if same else "its self-test on one triangle gave a wrong image (built for another torch?)"


def _rasterize_pytorch3d(vertices: Array, faces: Array, size: int, device: str = "cuda") -> Fragments:
    import torch
    from pytorch3d.renderer.mesh import rasterize_meshes
    from pytorch3d.structures import Meshes

    flipped = vertices * np.array([-1, -1, 1], np.float32)  # PyTorch3D's NDC has x left and y up
    points = torch.from_numpy(np.ascontiguousarray(flipped)).to(device)
    triangles = torch.from_numpy(faces).to(device)[None].expand(len(points), -1, -1)
    index, depth, bary, _ = rasterize_meshes(
        Meshes(points, triangles),
        image_size=size,
        blur_radius=0.0,
        faces_per_pixel=1,
        perspective_correct=False,
        clip_barycentric_coords=False,
        cull_backfaces=False,
    )
    first = torch.arange(len(points), device=index.device).view(-1, 1, 1) * len(faces)
    local = torch.where(index[..., 0] >= 0, index[..., 0] - first, -1)  # indices count through the batch
    return Fragments(local.int().cpu().numpy(), bary[..., 0, :].cpu().numpy(), depth[..., 0].cpu().numpy())
