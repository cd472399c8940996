"""SH ratio-image relighting: every pixel of the person times S(n, new light) / S(n, old light).

Under the spec's shading (C4) a picture is albedo times S, so the ratio of two shadings relights it exactly wherever normal,
light and that model hold. Normals are those of the fitted head as a whole; hair, neck and clothes, which no mesh covers,
take the gain of what covered pixels are near, and the portrait mask ends it. The old light is the fitted one.
"""

from __future__ import annotations

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.head import Head
from lcvd.face.heads import head_of
from lcvd.render.hints import Surface, surface_of
from lcvd.render.sh import check_light, shade_images

DARKEST = 0.05
"""Least shading that is divided by: below it a picture holds noise and no albedo."""
GAIN = (0.2, 3.0)
"""Limits of how much darker or lighter a pixel is made."""
REACH, EDGE = 1 / 16, 1 / 128
"""Standard deviations, in shares of the side: of how the gain goes on beyond the mesh, and of the feathered edges."""


def relight_frames(frames: Array, codes: FaceCodes, masks: Array, light: Array) -> Array:
    """Frames relit from their fitted light to another.

    Args:
        frames: (n, S, S, 3) uint8 RGB.
        codes: the face in them, n frames, NDC of the whole S x S picture; `codes.light` is the old light.
        masks: (n, S, S) uint8, 255 on the person. Where it is 0, further than the feather, no pixel changes.
        light: (9, 3), the new one, or one a frame (n, 9, 3).

    Returns:
        (n, S, S, 3) uint8.

    Raises:
        ValueError: another number of codes or masks than of frames, or no such light.
    """
    if not len(frames) == codes.frames == len(masks):
        raise ValueError(
            f"{len(frames)} frames, face codes of {codes.frames} and {len(masks)} masks; all must be as many"
        )
    surface = _whole_head(codes, frames.shape[1])
    lengths = np.linalg.norm(surface.normals, axis=-1, keepdims=True)
    normals = surface.normals / np.maximum(lengths, 1e-6)
    old, new = (
        np.maximum(shade_images(normals, surface.alpha, np.broadcast_to(each, codes.light.shape), 1.0), DARKEST)
        for each in (codes.light, check_light(light))
    )
    gains = np.log(np.clip(new / old, *GAIN))
    spread = [_spread(*each) for each in zip(gains, surface.alpha, masks, strict=True)]
    return np.rint(np.clip(frames * np.exp(np.stack(spread)), 0, 255)).astype(np.uint8)


def _whole_head(codes: FaceCodes, size: int) -> Surface:
    """Back of the head and neck as well, where the head model has them."""
    head = head_of(codes.head)
    faces = head.faces if isinstance(head, Head) else head.hint_faces
    vertices = head.vertices(codes.identity, codes.expression, codes.pose)
    return surface_of(vertices, place(vertices, codes), faces, size)


def _spread(gain: Array, covered: Array, mask: Array) -> Array:
    """Logarithms (S, S, 3) of the gain known where `covered` (S, S): carried on beyond, ended softly by the mask."""
    size = len(gain)
    known = covered.astype(np.float32)[..., None]
    near = _blur(gain * known, size * REACH) / (_blur(known, size * REACH)[..., None] + 1e-3)
    person = _blur((mask > 127).astype(np.float32), size * EDGE)
    return _blur(np.where(known > 0, gain, near), size * EDGE) * person[..., None]


def _blur(image: Array, sigma: float) -> Array:
    return cv2.GaussianBlur(image, (0, 0), max(0.5, sigma))
