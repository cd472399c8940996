"""SH ratio-image relighting: multiply each pixel of the person by S(n, new light) / S(n, old light).

In the spec's shading model (C4) an image is albedo times S, so the ratio of two shadings relights it exactly wherever normals,
light and model are correct. Normals come from the whole fitted head. Hair, neck and clothes, which no mesh covers, use the gain
of nearby covered pixels; outside the portrait mask nothing changes. The old light is the fitted one.
"""

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.head import Head
from lcvd.face.heads import head_of, posed
from lcvd.render.hints import surface_of
from lcvd.render.sh import check_light, shade_images

DARKEST = 0.05
"""Minimum shading used as the divisor; darker pixels have noise rather than albedo."""
GAIN = (0.2, 3.0)
"""Limits of a pixel's gain."""
REACH, EDGE = 1 / 16, 1 / 128
"""Standard deviations as fractions of the image side: of the gain's extension beyond the mesh, and of the feathered edges."""


def relight_frames(frames: Array, codes: FaceCodes, masks: Array, light: Array) -> Array:
    """Relight frames from their fitted light to another.

    Args:
        frames: (n, S, S, 3) uint8 RGB.
        codes: face codes of the n frames, whose square is the whole image; `codes.light` is the old light.
        masks: (n, S, S) uint8, 255 on the person. Beyond the feathered edge no pixel changes.
        light: the new light (9, 3), or one per frame (n, 9, 3).

    Returns:
        (n, S, S, 3) uint8.

    Raises:
        ValueError: the numbers of frames, codes and masks differ, or the light is invalid.
    """
    if not len(frames) == codes.frames == len(masks):
        raise ValueError(
            f"{len(frames)} frames, face codes of {codes.frames} and {len(masks)} masks; the numbers must be equal"
        )
    head = head_of(codes.head)  # the open head includes the back of the head and the neck
    faces = head.faces if isinstance(head, Head) else head.hint_faces
    surface = surface_of(*posed(head, codes), faces, frames.shape[1])
    lengths = np.linalg.norm(surface.normals, axis=-1, keepdims=True)
    normals = surface.normals / np.maximum(lengths, 1e-6)
    old, new = (
        np.maximum(shade_images(normals, surface.alpha, np.broadcast_to(each, codes.light.shape), 1.0), DARKEST)
        for each in (codes.light, check_light(light))
    )
    gains = np.log(np.clip(new / old, *GAIN))
    extended = [_extended(*each) for each in zip(gains, surface.alpha, masks, strict=True)]
    return np.rint(np.clip(frames * np.exp(np.stack(extended)), 0, 255)).astype(np.uint8)


def _extended(gain: Array, covered: Array, mask: Array) -> Array:
    """Extend the log gain (S, S, 3), known where `covered` (S, S), beyond the mesh, with a soft edge at the mask."""
    size = len(gain)
    known = covered.astype(np.float32)[..., None]
    near = _blur(gain * known, size * REACH) / (_blur(known, size * REACH)[..., None] + 1e-3)
    person = _blur((mask > 127).astype(np.float32), size * EDGE)
    return _blur(np.where(known > 0, gain, near), size * EDGE) * person[..., None]


def _blur(image: Array, sigma: float) -> Array:
    return cv2.GaussianBlur(image, (0, 0), max(0.5, sigma))
