"""Estimate the light of a clip with known face codes, from the pixels where its mesh shows plain skin."""

import functools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from lcvd.array import Array
from lcvd.config.reconstruct import LightSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.head import Head, load_head
from lcvd.light.estimate import solve
from lcvd.light.skin_samples import LightSamples, gather, join
from lcvd.render.hints import Surface, hint_surface

LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
"""MediaPipe landmarks of the outer contour of the lips."""
_RIGHT = (33, 7, 163, 144, 145, 153, 154, 155, 133, 70, 63, 105, 66, 107, 55, 46)
_LEFT = (263, 249, 390, 373, 374, 380, 381, 382, 362, 300, 293, 334, 296, 336, 285, 276)
PLACE = 0.06
"""Side of the square regions with a common skin tone, in head heights."""
_GROW = 1.1
"""Scale factor of the excluded areas around lips, eyes and brows, because the fit isn't exact to the pixel."""


@functools.cache
def skin_faces(name: str) -> NDArray[np.bool_]:
    """Mask (Fh,) of the hint faces that show plain skin, away from lips, eyes and brows.

    It is computed once on the neutral head in front view, from the convex hulls of MediaPipe's landmarks.
    """
    head = load_head(name)
    places = {number: i for i, number in enumerate(head.landmark_indices.tolist())}
    landmarks = head.landmarks(head.template[None])[0]
    centres = head.template[head.hint_faces].mean(axis=1)[:, :2]
    skin = np.ones(len(centres), bool)
    for patch in (LIPS, _RIGHT, _LEFT):
        outline = landmarks[[places[number] for number in patch], :2]
        middle = outline.mean(axis=0)
        skin &= Delaunay(middle + _GROW * (outline - middle)).find_simplex(centres) < 0
    return skin


@functools.cache
def face_places(name: str) -> NDArray[np.int64]:
    """Region index (Fh,) of each hint face, from 0: squares of side `PLACE` on the neutral head in front view."""
    head = load_head(name)
    centres = head.template[head.hint_faces].mean(axis=1)[:, :2]
    _, places = np.unique(np.floor(centres / PLACE).astype(int), axis=0, return_inverse=True)
    return places.ravel()


def skin_of(head: Head, surface: Surface) -> NDArray[np.bool_]:
    """Mask (T, S, S) of the pixels where the hint region shows plain skin that faces the camera."""
    return surface.alpha & skin_faces(head.name)[surface.fragments.face_index]


def light_samples(head: Head, codes: FaceCodes, frames: Array) -> LightSamples:
    """Samples of one window: frames (t, S, S, 3) uint8 of the square crop, and `codes` of the same t frames."""
    if len(frames) != codes.frames:
        raise ValueError(f"{len(frames)} frames with face codes of {codes.frames}: both must be of the same window")
    surface = hint_surface(head, codes, frames.shape[1])
    places = face_places(head.name)[surface.fragments.face_index]
    seen = np.asarray(codes.confidence > 0)[:, None, None]  # frames with an interpolated head show no face
    return gather(frames, surface.normals, skin_of(head, surface) & seen, places)


def light_of(head: Head, codes: FaceCodes, windows: Iterable[Array], settings: LightSettings) -> Array:
    """Light (T, 9, 3) of a real or generated clip with known face codes, from windows of its frames.

    No face detection is needed, so blurred or unusual frames work too.

    Raises:
        ValueError: the numbers of frames and codes differ, or no skin is visible.
    """
    parts: list[LightSamples] = []
    start = 0
    for window in windows:
        parts.append(light_samples(head, codes.window(slice(start, start + len(window))), window))
        start += len(window)
    if start != codes.frames:
        raise ValueError(f"{start} frames with face codes of {codes.frames}")
    return solve(join(parts), settings)
