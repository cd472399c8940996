"""Render a photograph in motion: the mesh says where each pixel comes from and how much lighter or darker it became.

Inside the face the way back to the photograph is the mesh's; hair, neck and shoulders follow it smoothly and the bottom
of the picture stays where it is. Where the mouth opens, the head model's teeth, tongue and mouth are painted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.head import load_head
from lcvd.render.normals import vertex_normals
from lcvd.render.pull_push import fill
from lcvd.render.rasterize import interpolate, rasterize
from lcvd.render.sh import shading
from lcvd.render.warp import Origin, looked_up, reached, way_back
from lcvd.studio.photo import Photo

Array = NDArray[Any]
WINDOW = 16
PAINT = {"teeth": (0.86, 0.82, 0.74), "tongue": (0.62, 0.30, 0.29), "mouth": (0.26, 0.10, 0.10)}
"""Display colours, under shading 1, of parts that the photograph doesn't show."""
INSIDE = 0.75
"""Light that reaches the inside of a mouth."""
DARKEST, GAIN = 0.18, (0.25, 2.5)
"""Shading of the photograph below which it isn't divided out, and the limits of the change."""


def render(photo: Photo, codes: FaceCodes) -> Iterator[tuple[Array, Array]]:
    """Windows of frames (t, S, S, 3) uint8 and portrait masks (t, S, S) uint8 of `photo` in the codes' pose, expression
    and light; the head must be the photograph's. Another identity stretches the face to that shape."""
    head, size = load_head(codes.head), len(photo.picture)
    origin = Origin.of(head, photo.codes, size)
    shades = shading(origin.normals, photo.codes.light[0])
    paint = np.array([PAINT.get(part, (0, 0, 0)) for part in head.parts], np.float32)
    inner = np.array([part in PAINT for part in head.parts])
    for start in range(0, codes.frames, WINDOW):
        part = codes.window(slice(start, start + WINDOW))
        vertices = head.vertices(part.identity, part.expression, part.pose)
        fragments = rasterize(place(vertices, part), head.faces, size)
        normals = vertex_normals(vertices, head.faces)
        places, seen = reached(origin, head, fragments)
        before = interpolate(fragments, head.faces, np.broadcast_to(shades, (len(vertices), *shades.shape)))
        turned = interpolate(fragments, head.faces, normals)
        faces = head.face_parts[fragments.face_index]
        frames, masks = [], []
        for t in range(len(vertices)):
            known = seen[t]
            deep = fragments.coverage[t] & inner[faces[t]]
            shade = shading(turned[t], part.light[t])
            frame, mask, gain = _frame(photo, way_back(places[t], known), before[t], shade, known & ~deep)
            frames.append(_painted(frame, deep & ~known, paint[faces[t]] * gain))
            masks.append(mask)
        yield np.stack(frames), np.stack(masks)


def _frame(photo: Photo, places: Array, before: Array, shade: Array, outer: Array) -> tuple[Array, Array, Array]:
    """One frame, its mask, and how much lighter each pixel became (S, S, 3).

    Pixels come from `places` (S, S, 2) of the photograph, where their shading was `before` (S, S, 3); it is known on
    `outer` ones, the inside of a mouth takes it from the lips.
    """
    size = len(photo.picture)
    change = np.log(np.clip(np.maximum(shade, 0.02) / np.maximum(before, DARKEST), *GAIN))
    gain = fill(np.where(outer[..., None], change, 0), outer)
    gain = np.exp(cv2.GaussianBlur(gain, (0, 0), max(0.6, size / 256)))
    person, matte = looked_up(photo.picture, places, cv2.INTER_CUBIC), looked_up(photo.matte, places)
    frame = matte[..., None] * (person * gain) + (1 - matte[..., None]) * photo.background
    return np.clip(frame, 0, 255), np.where(matte > 0.5, 255, 0).astype(np.uint8), gain


def _painted(frame: Array, hollow: Array, colours: Array) -> Array:
    """The frame, uint8, with the inside of the mouth painted where `hollow`, its edge softened."""
    if hollow.any():
        cover = cv2.GaussianBlur(hollow.astype(np.float32), (0, 0), max(0.5, len(frame) / 512))[..., None]
        colours = fill(np.where(hollow[..., None], colours, 0), hollow)
        frame = (1 - cover) * frame + cover * np.clip(255 * INSIDE * colours, 0, 255)
    return np.rint(np.clip(frame, 0, 255)).astype(np.uint8)
