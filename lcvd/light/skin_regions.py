"""The light of a clip with known face codes: where its mesh shows plain skin, and the fit on those pixels."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from lcvd.array import Array
from lcvd.config.reconstruct import LightSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.head import Head, load_head
from lcvd.light.estimate import solve
from lcvd.light.skin_samples import LightSamples, gather, join
from lcvd.render.hints import Surface, surface_of

_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
_RIGHT = (33, 7, 163, 144, 145, 153, 154, 155, 133, 70, 63, 105, 66, 107, 55, 46)
_LEFT = (263, 249, 390, 373, 374, 380, 381, 382, 362, 300, 293, 334, 296, 336, 285, 276)
PLACE = 0.06
"""Skin within a square of this side, in head heights, has one tone."""
_GROW = 1.1
"""The patches around lips, and around eye and brow, are grown so much: a fit isn't exact to the pixel."""


@functools.cache
def skin_faces(name: str) -> NDArray[np.bool_]:
    """Which hint faces of a head model show plain skin, (Fh,): none near lips, eyes and brows.

    Decided once on the neutral head, seen from the front, inside the convex patches of MediaPipe's landmarks.
    """
    head = load_head(name)
    places = {number: i for i, number in enumerate(head.landmark_indices.tolist())}
    landmarks = head.landmarks(head.template[None])[0]
    centres = head.template[head.hint_faces].mean(axis=1)[:, :2]
    skin = np.ones(len(centres), bool)
    for patch in (_LIPS, _RIGHT, _LEFT):
        outline = landmarks[[places[number] for number in patch], :2]
        middle = outline.mean(axis=0)
        skin &= Delaunay(middle + _GROW * (outline - middle)).find_simplex(centres) < 0
    return skin


@functools.cache
def face_places(name: str) -> NDArray[np.int64]:
    """Which place of the face each hint face of a head model belongs to, (Fh,), numbered from 0: squares of side `PLACE`
    as the neutral head is seen from the front."""
    head = load_head(name)
    centres = head.template[head.hint_faces].mean(axis=1)[:, :2]
    _, places = np.unique(np.floor(centres / PLACE).astype(int), axis=0, return_inverse=True)
    return places.ravel()


def skin_of(head: Head, surface: Surface) -> NDArray[np.bool_]:
    """Pixels (T, S, S) where the surface of the head's hint faces shows plain skin that faces the camera."""
    return surface.alpha & skin_faces(head.name)[surface.fragments.face_index]


def light_samples(head: Head, codes: FaceCodes, frames: Array) -> LightSamples:
    """Samples of one window: frames (t, S, S, 3) uint8 of the square, and `codes` of the same t frames."""
    if len(frames) != codes.frames:
        raise ValueError(f"{len(frames)} frames with face codes of {codes.frames}: both must be of the same window")
    vertices = head.vertices(codes.identity, codes.expression, codes.pose)
    surface = surface_of(vertices, place(vertices, codes), head.hint_faces, frames.shape[1])
    places = face_places(head.name)[surface.fragments.face_index]
    seen = np.asarray(codes.confidence > 0)[:, None, None]  # where the head was interpolated, the picture shows no face
    return gather(frames, surface.normals, skin_of(head, surface) & seen, places)


def light_of(head: Head, codes: FaceCodes, windows: Iterable[Array], settings: LightSettings) -> Array:
    """Light (T, 9, 3) of a clip, real or generated, whose mesh is known: its codes, its frames a window at a time.

    No face is detected, so a soft or strange picture still has its light measured.

    Raises:
        ValueError: more or fewer frames than codes, or no visible skin.
    """
    parts: list[LightSamples] = []
    start = 0
    for window in windows:
        parts.append(light_samples(head, codes.window(slice(start, start + len(window))), window))
        start += len(window)
    if start != codes.frames:
        raise ValueError(f"{start} frames with face codes of {codes.frames}")
    return solve(join(parts), settings)
