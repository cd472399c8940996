"""Vertex normals of posed meshes (spec C4): area-weighted sums of un-normalised cross products over chosen faces."""

import numpy as np
from numba import njit

from lcvd.array import Array
from lcvd.render.threads import over_frames

EPS = np.float32(1e-6)


@njit(nogil=True, cache=True)
def _normals_frame(vertices: Array, faces: Array, weights: Array, out: Array) -> None:
    out[:] = 0.0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        nx = weights[f] * (uy * vz - uz * vy)
        ny = weights[f] * (uz * vx - ux * vz)
        nz = weights[f] * (ux * vy - uy * vx)
        for v in (a, b, c):
            out[v, 0] += nx
            out[v, 1] += ny
            out[v, 2] += nz
    for v in range(out.shape[0]):
        length = np.sqrt(out[v, 0] * out[v, 0] + out[v, 1] * out[v, 1] + out[v, 2] * out[v, 2])
        scale = np.float32(1) / max(length, EPS)
        for k in range(3):
            out[v, k] *= scale


def vertex_normals(vertices: Array, faces: Array, face_weights: Array | None = None) -> Array:
    """Unit normals (T, V, 3), float32, of vertices (T, V, 3) from `faces` (F, 3), counter-clockwise when seen from outside.

    Vertices without a face get zeros. `face_weights` (F,) scale the contribution of each face; the published face list repeats
    a triangle for each of its vertices in the face region, which is a weight of 1, 2 or 3 (spec C3).

    Raises:
        ValueError: shapes are inconsistent, or an index is out of range.
    """
    vertices = np.ascontiguousarray(vertices, np.float32)
    faces = check_faces(faces, vertices)
    if face_weights is not None and len(face_weights) != len(faces):
        raise ValueError(f"face_weights has {len(face_weights)} values for {len(faces)} faces")
    weights = np.ones(len(faces)) if face_weights is None else face_weights
    weights = np.ascontiguousarray(weights, np.float32)
    out = np.empty_like(vertices)
    over_frames(lambda t: _normals_frame(vertices[t], faces, weights, out[t]), len(vertices))
    return out


def check_faces(faces: Array, vertices: Array) -> Array:
    """Faces as contiguous int64 (F, 3), checked against vertices (T, V, 3).

    Raises:
        ValueError: shapes are inconsistent, or an index is out of range.
    """
    if vertices.ndim != 3 or vertices.shape[-1] != 3:
        raise ValueError(f"vertices must be (T, V, 3), frames first; these are {vertices.shape}")
    faces = np.ascontiguousarray(faces, np.int64)
    if faces.ndim != 2 or faces.shape[-1] != 3:
        raise ValueError(f"faces must be (F, 3) triangles; these are {faces.shape}")
    if faces.size and (faces.min() < 0 or faces.max() >= vertices.shape[1]):
        raise ValueError(
            f"faces name vertices {faces.min()} to {faces.max()}, but the mesh has {vertices.shape[1]}; "
            "faces and vertices must come from the same head model"
        )
    return faces
