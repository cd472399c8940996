"""A portrait carried along: how its picture looks from where the head stands in other frames, in its own light.

The mesh says where in the portrait each pixel of the face comes from. Hair, neck, shoulders and what is behind follow
smoothly, and the bottom of the picture stays where it is.

Shape suffixes: T frames, V vertices, S pixels a side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.heads import HeadModel
from lcvd.face.square import to_pixels
from lcvd.render.normals import vertex_normals
from lcvd.render.pull_push import fill
from lcvd.render.rasterize import Fragments, interpolate, rasterize

WINDOW = 16
STEADY = 0.12
"""This share of the picture's height, at its bottom, doesn't move."""
SEEN, CLEAR = 0.15, 0.05
"""A point counts as seen in the portrait when its normal's z is above `SEEN` and nothing lies `CLEAR` before it."""


@dataclass(frozen=True)
class Origin:
    """What each vertex was in the portrait: place in pixels (V, 2), normal (V, 3), and whether it was seen (V,)."""

    places: Array
    normals: Array
    seen: Array

    @classmethod
    def of(cls, head: HeadModel, codes: FaceCodes, size: int) -> Origin:
        """In a portrait of `size` px with these codes, of one frame."""
        vertices = head.vertices(codes.identity, codes.expression, codes.pose)
        ndc = place(vertices, codes)
        depth = rasterize(ndc, head.faces, size).depth[0]
        normals = vertex_normals(vertices, head.faces)[0]
        places = to_pixels(ndc[0, :, :2], size)
        column, row = np.clip(places.astype(int), 0, size - 1).T
        before = ndc[0, :, 2] - depth[row, column]
        inside = (np.abs(ndc[0, :, :2]) < 1).all(1)
        seen = inside & (normals[:, 2] > SEEN) & (before < CLEAR)
        return cls(places.astype(np.float32), normals, seen.astype(np.float32))


def reached(origin: Origin, head: HeadModel, fragments: Fragments) -> tuple[Array, Array]:
    """Of each pixel that sees the mesh, its place in the portrait (T, S, S, 2), and whether it was seen there."""
    carried = np.concatenate([origin.places, origin.seen[:, None]], axis=1)
    found = interpolate(fragments, head.faces, np.broadcast_to(carried, (len(fragments.depth), *carried.shape)))
    return found[..., :2], fragments.coverage & (found[..., 2] > 0.99)


def way_back(places: Array, known: Array) -> Array:
    """Places in the portrait (S, S, 2) that all pixels of a frame come from, pixel centres at halves: `places` of those
    that are `known` (S, S), and of the others what continues them smoothly."""
    size = len(known)
    here = np.stack(np.meshgrid(*[np.arange(size, dtype=np.float32) + 0.5] * 2), axis=-1)
    flow = np.where(known[..., None], places - here, 0)
    anchor = known.astype(np.float32)
    anchor[-max(1, round(STEADY * size)) :] = 1
    return here + fill(flow, anchor)


def looked_up(picture: Array, places: Array, rule: int = cv2.INTER_LINEAR) -> Array:
    """The pixels of a picture (S, S, ...) at `places` (S, S, 2)."""
    return cv2.remap(picture, places[..., 0] - 0.5, places[..., 1] - 0.5, rule, borderMode=cv2.BORDER_REPLICATE)


class WarpedReference:
    """A portrait carried to each of T frames, any few of them made when they are asked for: `carried[indices]` is an
    array (n, S, S, 3) uint8. As `LCVDPipeline` takes them.

    Args:
        picture: the portrait (S, S, 3) uint8. own: its codes, of one frame. codes: of the T frames, of the same head.
    """

    def __init__(self, head: HeadModel, picture: Array, own: FaceCodes, codes: FaceCodes) -> None:
        self._head, self._picture, self._codes = head, picture, codes
        self._origin = Origin.of(head, own, len(picture))

    def __len__(self) -> int:
        return self._codes.frames

    def __getitem__(self, indices: Any) -> Array:
        wanted = np.arange(len(self))[indices]
        return np.stack(list(self._made(wanted)))

    def _made(self, wanted: Array) -> Iterator[Array]:
        head, size = self._head, len(self._picture)
        for start in range(0, len(wanted), WINDOW):
            part = self._codes.window(wanted[start : start + WINDOW])
            vertices = head.vertices(part.identity, part.expression, part.pose)
            places, known = reached(self._origin, head, rasterize(place(vertices, part), head.faces, size))
            for place_, known_ in zip(places, known, strict=True):
                yield looked_up(self._picture, way_back(place_, known_))
