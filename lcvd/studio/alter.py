"""Change the apparent identity of a photographed person: skin marks, wrinkles, lips, brows, beard, hair, clothes, hat.

Everything is drawn into the photograph, so it moves, turns and is lit with it.
"""

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.studio.clothing import replace_clothing
from lcvd.studio.dead_leaves import dead_leaves, fractal_noise
from lcvd.studio.layout import FaceLayout, blend, draw_outlines, ellipse, soft_luminance

FACE_PAINT, SKIN_MARKS, WRINKLES, LIP_COLOUR = 0.35, 0.7, 0.5, 0.5
BEARD, BROWS, HAIR, CLOTHING, HAT = 0.25, 0.5, 0.5, 0.85, 0.35
"""Probability of each alteration."""
MAX_LOG_CHANGE = 0.45
"""Wrinkles change skin by at most a factor of e^this, nearly always; marks by up to twice that exponent."""


def alter_appearance(image: Array, layout: FaceLayout, rng: np.random.Generator) -> tuple[Array, Array]:
    """Image (S, S, 3) float32 in [0, 255] with a changed appearance, and the new outline of the person, (S, S) in [0,
    1]."""
    size, outline = len(image), layout.person
    hair = np.clip(np.exp(rng.uniform(np.log(0.08), np.log(0.9))) * rng.uniform(0.7, 1.0, 3) * (1.1, 0.9, 0.75), 0, 1)
    if rng.uniform() < FACE_PAINT:
        image = blend(image, soft_luminance(image) * (2 * dead_leaves(rng, size)), _face_paint(layout, rng, size))
    if rng.uniform() < SKIN_MARKS:
        image = blend(image, image * np.exp(_skin_marks(rng, size, layout.eye_distance)), layout.skin)
    if rng.uniform() < WRINKLES:
        image = blend(image, image * np.exp(_wrinkles(layout, rng, size)), layout.skin)
    if rng.uniform() < LIP_COLOUR:
        image = image * np.exp(_lip_colour(layout, rng, size))
    if rng.uniform() < BROWS:
        image = blend(image, soft_luminance(image) * hair, _brows(layout, rng, size))
    if rng.uniform() < BEARD:
        image = blend(image, soft_luminance(image) * hair, _beard(layout, rng, size))
    if rng.uniform() < CLOTHING:
        image, outline = replace_clothing(image, layout, rng)
    if rng.uniform() < HAIR:
        strands = np.exp(0.35 * fractal_noise(rng, size)[..., None]) * rng.uniform(0.5, 1.0)
        worn = _hair(layout, rng, size)
        image, outline = blend(image, 255 * hair * strands, worn), np.maximum(outline, worn)
    if rng.uniform() < HAT:
        worn, colours = _hat(layout, rng, size)
        image, outline = blend(image, colours, worn), np.maximum(outline, worn)
    return image, outline


def _skin_marks(rng: np.random.Generator, size: int, eye_distance: float) -> Array:
    """Log gain (S, S, 3) of the skin: dead-leaves spots and lines, and noise. Structure coarser than a third of the eye
    distance is removed; it could be mistaken for light."""
    log_change = np.log(dead_leaves(rng, size) + 0.1)
    if rng.uniform() < 0.7:
        log_change = np.broadcast_to(log_change.mean(-1, keepdims=True), log_change.shape).copy()
    log_change += 0.3 * rng.uniform() * fractal_noise(rng, size)[..., None]
    log_change -= cv2.GaussianBlur(log_change, (0, 0), eye_distance / 3)
    return log_change * (MAX_LOG_CHANGE * rng.uniform() ** 1.5 / (log_change.std() + 1e-6))


def _wrinkles(layout: FaceLayout, rng: np.random.Generator, size: int) -> Array:
    """Log gain (S, S, 3) of wrinkles on the forehead, from nose to chin, beside and under the eyes. Each is dark with a
    bright ridge next to it, and they differ left and right."""
    eye_distance, mouth = layout.eye_distance, layout.mouth.mean(0)
    low = float(mouth[1] - layout.eyes.mean(0)[1]) / eye_distance
    across = np.linspace(-1, 1, 16)
    lines = [
        layout.at(rng.uniform(0.4, 0.75) * across + 0.1 * rng.standard_normal(), height + 0.05 * across**2)
        for height in -rng.uniform(0.4, 0.95, rng.integers(0, 5))
    ]
    for side in (-1, 1):
        down = np.linspace(rng.uniform(0.55, 0.7), low + rng.uniform(-0.1, 0.35), 12)
        lines.append(layout.at(side * (rng.uniform(0.26, 0.34) + 0.3 * (down - down[0]) ** 0.8), down))
        for below in rng.uniform(0.15, 0.42, rng.integers(0, 4)):
            lines.append(layout.at(side * 0.5 + rng.uniform(0.2, 0.34) * across, below - 0.1 * across**2))
        for lift in rng.uniform(-0.2, 0.25, rng.integers(0, 4)):
            lines.append(layout.at(side * np.linspace(0.85, rng.uniform(0.95, 1.15), 8), np.linspace(0, lift, 8)))
    depth = np.zeros((size, size), np.float32)
    for line in lines:
        stroke = draw_outlines(size, [line], rng.uniform(0.015, 0.05) * eye_distance)
        dark = cv2.GaussianBlur(stroke, (0, 0), 0.03 * eye_distance)
        ridge = cv2.GaussianBlur(dark, (0, 0), 0.05 * eye_distance)
        depth += rng.uniform(0.3, 1.0) * (dark - 0.8 * ridge) / (dark.max() + 1e-6)
    return -MAX_LOG_CHANGE * rng.uniform(0.3, 1.5) * depth[..., None] * np.array([0.8, 1.0, 1.05], np.float32)


def _lip_colour(layout: FaceLayout, rng: np.random.Generator, size: int) -> Array:
    """Log gain (S, S, 3) of the lips: redder, paler or darker."""
    wide = float(np.hypot(*(layout.mouth[1] - layout.mouth[0])))
    outline = layout.mouth.mean(0) + ellipse(0.52 * wide, 0.2 * wide, 48)
    cover = cv2.GaussianBlur(draw_outlines(size, [outline]), (0, 0), 0.05 * wide)
    darker, redder = rng.uniform(-0.3, 0.1), rng.uniform(-0.1, 0.35)
    return cover[..., None] * (darker + redder * np.array([1.0, -1.0, -0.7], np.float32))


def _face_paint(layout: FaceLayout, rng: np.random.Generator, size: int) -> Array:
    """Cover (S, S) of paint on the face, thinner on the eyes and the mouth because face detectors rely on them."""
    bare = np.zeros((size, size), np.float32)
    for middle, wide, high in (
        (layout.eyes[0], 0.34, 0.2),
        (layout.eyes[1], 0.34, 0.2),
        (layout.mouth.mean(0), 0.5, 0.25),
    ):
        bare += draw_outlines(size, [middle + layout.eye_distance * ellipse(wide, high, 32)])
    thin = cv2.GaussianBlur(np.clip(bare, 0, 1), (0, 0), 0.05 * layout.eye_distance)
    return layout.skin * rng.uniform(0.2, 0.8) * (1 - rng.uniform(0.5, 1.0) * thin)


def _brows(layout: FaceLayout, rng: np.random.Generator, size: int) -> Array:
    height, thick, arch = rng.uniform(0.22, 0.36), rng.uniform(0.03, 0.1), rng.uniform(-0.02, 0.1)
    right = np.linspace(0.22, 0.78, 12)
    down = -height - arch * np.sin(np.linspace(0, np.pi, 12))
    lines = [layout.at(sign * right, down) for sign in (-1, 1)]
    cover = draw_outlines(size, lines, thickness=thick * layout.eye_distance)
    return cover * rng.uniform(0.3, 0.9) * np.clip(0.75 + 0.3 * fractal_noise(rng, size), 0, 1)


def _beard(layout: FaceLayout, rng: np.random.Generator, size: int) -> Array:
    """Cover (S, S) of a beard: cheeks below the ears, chin and upper lip, but not the mouth."""
    mouth = layout.mouth.mean(0)
    wide = float(np.hypot(*(layout.mouth[1] - layout.mouth[0])))
    row = np.mgrid[:size, :size][0].astype(np.float32)
    start = mouth[1] - wide * rng.uniform(0.15, 0.5)
    below = np.clip((row - start) / (0.2 * wide), 0, 1) * (row < layout.chin + 0.2 * wide)
    hidden = below * layout.skin * (1 - draw_outlines(size, [mouth + ellipse(0.55 * wide, 0.2 * wide, 32)]))
    opacity = cv2.GaussianBlur(hidden, (0, 0), size / 150) * rng.uniform(0.2, 0.85)
    return opacity * np.clip(0.8 + 0.25 * fractal_noise(rng, size), 0, 1)


def _hair(layout: FaceLayout, rng: np.random.Generator, size: int) -> Array:
    """Cover (S, S) of hair around the face, with a fringe on the forehead; long hair reaches the shoulders."""
    theta = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    half, high, low = rng.uniform(1.3, 2.0), rng.uniform(1.6, 2.5), rng.uniform(0.3, 3.2)
    down = np.where(np.sin(theta) < 0, high * np.sin(theta), low * np.sin(theta))
    around = draw_outlines(size, [layout.at(half * np.cos(theta), down)])
    parting, fringe = rng.uniform(-0.6, 0.6), rng.uniform(0.45, 1.1)
    line = layout.at(np.array([-2, parting, 2, 2, -2]), np.array([-fringe, -rng.uniform(0.9, 1.3), -fringe, -4, -4]))
    return np.clip(around * np.maximum(1 - layout.skin, draw_outlines(size, [line])), 0, 1)


def _hat(layout: FaceLayout, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Cover (S, S) and colours (S, S, 3) of a hat: a crown above the brows, often with a brim or a band."""
    low, high, half = rng.uniform(0.5, 0.95), rng.uniform(1.7, 2.6), rng.uniform(1.15, 1.7)
    theta, power = np.linspace(0, np.pi, 32), rng.uniform(2.0, 5.0)
    right = np.sign(np.cos(theta)) * np.abs(np.cos(theta)) ** (2 / power)
    crown = layout.at(half * right, -low - (high - low) * np.sin(theta) ** (2 / power))
    cover = draw_outlines(size, [crown])
    column = np.mgrid[:size, :size][1].astype(np.float32)
    round_ = 1 - 0.5 * np.clip(np.abs(column - layout.eyes.mean(0)[0]) / (half * layout.eye_distance), 0, 1) ** 2
    plain = np.broadcast_to(rng.uniform(0.03, 0.95, 3).astype(np.float32), (size, size, 3))
    colours = np.array(dead_leaves(rng, size) if rng.uniform() < 0.5 else plain)
    theta = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    wide, thick = half * rng.uniform(1.0, 1.5), rng.uniform(0.06, 0.25)
    for share, scale in ((0.5, 1.0), (0.5, half / wide)):  # a brim, a band
        if rng.uniform() < share:
            strip = draw_outlines(size, [layout.at(wide * scale * np.cos(theta), -low - thick * np.sin(theta))])
            strip = strip if scale == 1.0 else strip * cover
            colours = blend(colours, rng.uniform(0.03, 0.95, 3).astype(np.float32), strip)
            cover = np.maximum(cover, strip)
    return cover, 255 * round_[..., None] * colours
