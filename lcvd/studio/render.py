"""Animate and relight a photograph: warp its pixels by the mesh motion and scale them by the change in shading.

Inside the face the mesh defines the backward warp. Hair, neck and shoulders follow it smoothly, and the bottom of the
image stays fixed. Where the mouth opens, the head model's teeth, tongue and mouth are painted.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.head import load_head
from lcvd.face.heads import posed
from lcvd.render.normals import vertex_normals
from lcvd.render.pull_push import fill
from lcvd.render.rasterize import interpolate, rasterize
from lcvd.render.sh import shading
from lcvd.render.warp import PortraitVertices, backward_warp, portrait_positions, sample_image
from lcvd.studio.photo import Photo

WINDOW = 16
MOUTH_COLOURS = {"teeth": (0.86, 0.82, 0.74), "tongue": (0.62, 0.30, 0.29), "mouth": (0.26, 0.10, 0.10)}
"""Display colours, under shading 1, of parts that the photograph does not show."""
MOUTH_LIGHT = 0.75
"""Fraction of the light that reaches the inside of the mouth."""
DARKEST, GAIN = 0.18, (0.25, 2.5)
"""Minimum shading of the photograph used as a divisor, and the limits of the shading ratio."""


def render(photo: Photo, codes: FaceCodes) -> Iterator[tuple[Array, Array]]:
    """Windows of frames (t, S, S, 3) uint8 and portrait masks (t, S, S) uint8 of `photo` in the pose, expression and
    light of `codes`. The head model must be the photograph's. Another identity deforms the face to that shape."""
    head, size = load_head(codes.head), len(photo.image)
    portrait = PortraitVertices.of(head, photo.codes, size)
    shades = shading(portrait.normals, photo.codes.light[0])
    paint = np.array([MOUTH_COLOURS.get(part, (0, 0, 0)) for part in head.parts], np.float32)
    inner = np.array([part in MOUTH_COLOURS for part in head.parts])
    for start in range(0, codes.frames, WINDOW):
        part = codes.window(slice(start, start + WINDOW))
        vertices, ndc = posed(head, part)
        fragments = rasterize(ndc, head.faces, size)
        positions, seen = portrait_positions(portrait, head, fragments)
        before = interpolate(fragments, head.faces, np.broadcast_to(shades, (len(vertices), *shades.shape)))
        turned = interpolate(fragments, head.faces, vertex_normals(vertices, head.faces))
        faces = head.face_parts[fragments.face_index]
        frames, masks = [], []
        for t in range(len(vertices)):
            known = seen[t]
            deep = fragments.coverage[t] & inner[faces[t]]
            shade = shading(turned[t], part.light[t])
            frame, mask, gain = _render_frame(
                photo, backward_warp(positions[t], known), before[t], shade, known & ~deep
            )
            frames.append(_paint_mouth(frame, deep & ~known, paint[faces[t]] * gain))
            masks.append(mask)
        yield np.stack(frames), np.stack(masks)


def _render_frame(
    photo: Photo, positions: Array, before: Array, shade: Array, outer: Array
) -> tuple[Array, Array, Array]:
    """One frame, its mask, and the gain (S, S, 3) of each pixel.

    Pixels are sampled at `positions` (S, S, 2) of the photograph, where the shading was `before` (S, S, 3). It is known
    on pixels in `outer`; the inside of the mouth takes the gain of the lips.
    """
    size = len(photo.image)
    change = np.log(np.clip(np.maximum(shade, 0.02) / np.maximum(before, DARKEST), *GAIN))
    gain = fill(np.where(outer[..., None], change, 0), outer)
    gain = np.exp(cv2.GaussianBlur(gain, (0, 0), max(0.6, size / 256)))
    person, matte = sample_image(photo.image, positions, cv2.INTER_CUBIC), sample_image(photo.matte, positions)
    frame = matte[..., None] * (person * gain) + (1 - matte[..., None]) * photo.background
    return np.clip(frame, 0, 255), np.where(matte > 0.5, 255, 0).astype(np.uint8), gain


def _paint_mouth(frame: Array, hollow: Array, colours: Array) -> Array:
    """The frame as uint8, with the inside of the mouth painted where `hollow`, with a soft edge."""
    if hollow.any():
        cover = cv2.GaussianBlur(hollow.astype(np.float32), (0, 0), max(0.5, len(frame) / 512))[..., None]
        colours = fill(np.where(hollow[..., None], colours, 0), hollow)
        frame = (1 - cover) * frame + cover * np.clip(255 * MOUTH_LIGHT * colours, 0, 255)
    return np.rint(np.clip(frame, 0, 255)).astype(np.uint8)
