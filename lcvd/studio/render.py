"""Render a photograph in motion: the mesh says where each pixel comes from and how much lighter or darker it became.

Inside the face the way back to the photograph is the mesh's; hair, neck and shoulders follow it smoothly and the bottom
of the picture stays where it is. Where the mouth opens, the head model's teeth, tongue and mouth are painted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.head import Head, load_head
from lcvd.face.square import to_pixels
from lcvd.shading.normals import vertex_normals
from lcvd.shading.rasterize import interpolate, rasterize
from lcvd.shading.sh import shading
from lcvd.studio.fill import fill
from lcvd.studio.photo import Photo

Array = NDArray[Any]
WINDOW = 16
PAINT = {"teeth": (0.86, 0.82, 0.74), "tongue": (0.62, 0.30, 0.29), "mouth": (0.26, 0.10, 0.10)}
"""Display colours, under shading 1, of parts that the photograph doesn't show."""
INSIDE = 0.75
"""Light that reaches the inside of a mouth."""
STEADY = 0.12
"""This share of the picture's height, at its bottom, doesn't move."""
SEEN, CLEAR = 0.15, 0.05
"""A point counts as seen in the photograph when its normal's z is above `SEEN` and nothing lies `CLEAR` before it."""
DARKEST, GAIN = 0.18, (0.25, 2.5)
"""Shading of the photograph below which it isn't divided out, and the limits of the change."""


@dataclass(frozen=True)
class _Source:
    """What each vertex was in the photograph: place in pixels (V, 2), shading (V, 3), and whether it was seen (V,)."""

    places: Array
    shades: Array
    seen: Array


def render(photo: Photo, codes: FaceCodes) -> Iterator[tuple[Array, Array]]:
    """Windows of frames (t, S, S, 3) uint8 and portrait masks (t, S, S) uint8 of `photo` in the codes' pose, expression
    and light; the head must be the photograph's. Another identity stretches the face to that shape."""
    head, size = load_head(codes.head), len(photo.picture)
    source = _source(head, photo, size)
    paint = np.array([PAINT.get(part, (0, 0, 0)) for part in head.parts], np.float32)
    inner = np.array([part in PAINT for part in head.parts])
    for start in range(0, codes.frames, WINDOW):
        part = codes.window(slice(start, start + WINDOW))
        vertices = head.vertices(part.identity, part.expression, part.pose)
        fragments = rasterize(place(vertices, part), head.faces, size)
        normals = vertex_normals(vertices, head.faces)
        carried = np.concatenate([source.places, source.seen[:, None], source.shades], axis=1)
        carried = interpolate(fragments, head.faces, np.broadcast_to(carried, (len(vertices), *carried.shape)))
        turned = interpolate(fragments, head.faces, normals)
        faces = head.face_parts[fragments.face_index]
        frames, masks = [], []
        for t in range(len(vertices)):
            known = fragments.coverage[t] & (carried[t, ..., 2] > 0.99)
            deep = fragments.coverage[t] & inner[faces[t]]
            shade = shading(turned[t], part.light[t])
            frame, mask, gain = _frame(photo, carried[t], shade, known, known & ~deep)
            frames.append(_painted(frame, deep & ~known, paint[faces[t]] * gain))
            masks.append(mask)
        yield np.stack(frames), np.stack(masks)


def _source(head: Head, photo: Photo, size: int) -> _Source:
    codes = photo.codes
    vertices = head.vertices(codes.identity, codes.expression, codes.pose)
    ndc = place(vertices, codes)
    depth = rasterize(ndc, head.faces, size).depth[0]
    normals = vertex_normals(vertices, head.faces)[0]
    places = to_pixels(ndc[0, :, :2], size)
    column, row = np.clip(places.astype(int), 0, size - 1).T
    before = ndc[0, :, 2] - depth[row, column]
    inside = (np.abs(ndc[0, :, :2]) < 1).all(1)
    seen = inside & (normals[:, 2] > SEEN) & (before < CLEAR)
    return _Source(places.astype(np.float32), shading(normals, codes.light[0]), seen.astype(np.float32))


def _frame(photo: Photo, carried: Array, shade: Array, known: Array, outer: Array) -> tuple[Array, Array, Array]:
    """One frame, its mask, and how much lighter each pixel became (S, S, 3).

    Pixels carry their place in the photograph (2), whether it is seen there (1) and its shading there (3). `known`
    pixels have a place; on `outer` ones the light is known too, the inside of a mouth takes it from the lips.
    """
    size = len(photo.picture)
    y, x = np.mgrid[:size, :size].astype(np.float32) + 0.5
    flow = np.where(known[..., None], carried[..., :2] - np.stack([x, y], axis=-1), 0)
    anchor = known.astype(np.float32)
    anchor[-max(1, round(STEADY * size)) :] = 1
    flow = fill(flow, anchor)
    change = np.log(np.clip(np.maximum(shade, 0.02) / np.maximum(carried[..., 3:], DARKEST), *GAIN))
    gain = fill(np.where(outer[..., None], change, 0), outer)
    gain = np.exp(cv2.GaussianBlur(gain, (0, 0), max(0.6, size / 256)))
    map_x, map_y = x + flow[..., 0] - 0.5, y + flow[..., 1] - 0.5
    person = cv2.remap(photo.picture, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    matte = cv2.remap(photo.matte, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    frame = matte[..., None] * (person * gain) + (1 - matte[..., None]) * photo.background
    return np.clip(frame, 0, 255), np.where(matte > 0.5, 255, 0).astype(np.uint8), gain


def _painted(frame: Array, hollow: Array, colours: Array) -> Array:
    """The frame, uint8, with the inside of the mouth painted where `hollow`, its edge softened."""
    if hollow.any():
        cover = cv2.GaussianBlur(hollow.astype(np.float32), (0, 0), max(0.5, len(frame) / 512))[..., None]
        colours = fill(np.where(hollow[..., None], colours, 0), hollow)
        frame = (1 - cover) * frame + cover * np.clip(255 * INSIDE * colours, 0, 255)
    return np.rint(np.clip(frame, 0, 255)).astype(np.uint8)
