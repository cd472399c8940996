"""Warp a reference image to the head pose and expression of other frames, without relighting.

Inside the face the mesh defines the backward warp. Hair, neck, shoulders and background follow smoothly, and the bottom of the
image stays fixed.

Shape suffixes: T frames, V vertices, S pixels a side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import HeadModel, posed
from lcvd.face.square import to_pixels
from lcvd.render.normals import vertex_normals
from lcvd.render.pull_push import fill
from lcvd.render.rasterize import Fragments, interpolate, rasterize

WINDOW = 16
FIXED_BOTTOM = 0.12
"""Fraction of the image height at the bottom that is fixed."""
MIN_NORMAL_Z, DEPTH_TOLERANCE = 0.15, 0.05
"""A vertex is visible in the portrait if its normal's z is above `MIN_NORMAL_Z` and no surface is more than `DEPTH_TOLERANCE` in
front of it."""


@dataclass(frozen=True)
class PortraitVertices:
    """The mesh vertices in the portrait: positions (V, 2) in pixels, normals (V, 3), and visible (V,), 1 or 0, float32."""

    positions: Array
    normals: Array
    visible: Array

    @classmethod
    def of(cls, head: HeadModel, codes: FaceCodes, size: int) -> PortraitVertices:
        """Vertices in a portrait of `size` px with the codes of one frame."""
        vertices, ndc = posed(head, codes)
        depth = rasterize(ndc, head.faces, size).depth[0]
        normals = vertex_normals(vertices, head.faces)[0]
        positions = to_pixels(ndc[0, :, :2], size)
        column, row = np.clip(positions.astype(int), 0, size - 1).T
        before = ndc[0, :, 2] - depth[row, column]
        inside = (np.abs(ndc[0, :, :2]) < 1).all(1)
        visible = inside & (normals[:, 2] > MIN_NORMAL_Z) & (before < DEPTH_TOLERANCE)
        return cls(positions.astype(np.float32), normals, visible.astype(np.float32))


def portrait_positions(portrait: PortraitVertices, head: HeadModel, fragments: Fragments) -> tuple[Array, Array]:
    """Position in the portrait (T, S, S, 2) of each pixel on the mesh, and whether it is visible there (T, S, S)."""
    values = np.concatenate([portrait.positions, portrait.visible[:, None]], axis=1)
    found = interpolate(fragments, head.faces, np.broadcast_to(values, (len(fragments.depth), *values.shape)))
    return found[..., :2], fragments.coverage & (found[..., 2] > 0.99)


def backward_warp(positions: Array, known: Array) -> Array:
    """Source position in the portrait (S, S, 2) of every pixel of a frame, with pixel centres at i + 0.5.

    It is `positions` where `known` (S, S); elsewhere interpolated smoothly, with the bottom fixed.
    """
    size = len(known)
    here = np.stack(np.meshgrid(*[np.arange(size, dtype=np.float32) + 0.5] * 2), axis=-1)
    flow = np.where(known[..., None], positions - here, 0)
    anchor = known.astype(np.float32)
    anchor[-max(1, round(FIXED_BOTTOM * size)) :] = 1
    return here + fill(flow, anchor)


def sample_image(image: Array, positions: Array, method: int = cv2.INTER_LINEAR) -> Array:
    """Sample an image (S, S, ...) at `positions` (S, S, 2), with pixel centres at i + 0.5."""
    return cv2.remap(image, positions[..., 0] - 0.5, positions[..., 1] - 0.5, method, borderMode=cv2.BORDER_REPLICATE)


class WarpedReference:
    """A portrait warped to each of T frames, computed on access: `warped[indices]` is an array (n, S, S, 3) uint8.
    `LCVDPipeline` accepts it instead of an array.

    Args:
        image: the portrait (S, S, 3) uint8. own: its codes, of one frame. codes: of the T frames, of the same head.
    """

    def __init__(self, head: HeadModel, image: Array, own: FaceCodes, codes: FaceCodes) -> None:
        self._head, self._image, self._codes = head, image, codes
        self._portrait = PortraitVertices.of(head, own, len(image))

    def __len__(self) -> int:
        return self._codes.frames

    def __getitem__(self, indices: Any) -> Array:
        picked, faces, warped = np.arange(len(self))[indices], self._head.faces, []
        for start in range(0, len(picked), WINDOW):
            _, ndc = posed(self._head, self._codes.window(picked[start : start + WINDOW]))
            parts = portrait_positions(self._portrait, self._head, rasterize(ndc, faces, len(self._image)))
            warped += [sample_image(self._image, backward_warp(*each)) for each in zip(*parts, strict=True)]
        return np.stack(warped)
