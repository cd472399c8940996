"""Draw a new neck, shoulders and clothes below the chin of a photographed person."""

from collections.abc import Sequence

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.studio.dead_leaves import dead_leaves, fractal_noise
from lcvd.studio.layout import FaceLayout, blend, draw_outlines

SHIRT, TIE, LAPELS = 0.45, 0.5, 0.4
"""Probabilities: clothes show a shirt in the neckline, a shirt has a tie, clothes have lapels."""
_OFF_IMAGE = 12.0
"""Below every image, in eye distances."""


def replace_clothing(image: Array, layout: FaceLayout, rng: np.random.Generator) -> tuple[Array, Array]:
    """Image (S, S, 3) float32 in [0, 255] with a new neck and clothes, and the new outline of the person, (S, S) in [0,
    1]."""
    size, chin = len(image), (layout.chin - float(layout.eyes.mean(0)[1])) / layout.eye_distance
    half, middle = rng.uniform(0.75, 1.2), 0.1 * rng.standard_normal()
    top, depth = chin + rng.uniform(0.25, 0.7), rng.uniform(0.15, 1.8)
    sides = np.array([-half, half, 1.1 * half, -1.1 * half])
    heights = np.array([chin - 0.8, chin - 0.8, _OFF_IMAGE, _OFF_IMAGE])
    throat = draw_outlines(size, [layout.at(middle + sides, heights)])
    body = _shoulders(layout, middle, half, top, rng, size)
    necklines = [_neckline(layout, middle, half, top, scale, depth * scale, rng) for scale in (1.05, 0.75)]
    row, column = np.mgrid[:size, :size].astype(np.float32)
    under = (row - layout.chin) / layout.eye_distance
    flesh = _skin_tone(image, layout) * np.exp(0.08 * fractal_noise(rng, size))[..., None]
    flesh = flesh * (1 - rng.uniform(0.1, 0.45) * np.exp(-np.clip(under, 0, None) / 0.5))[..., None]
    fabric = _clothes(flesh, layout, middle, top, necklines, rng)
    # Next to the face the old collar may be higher than the chin.
    beside = np.clip((np.abs(column - layout.eyes.mean(0)[0]) / layout.eye_distance - 1.2) / 0.4, 0, 1)
    face = cv2.GaussianBlur(_lower_face(layout, size), (0, 0), 0.04 * layout.eye_distance)
    below = np.clip((under + 0.1 + 0.8 * beside) / 0.12, 0, 1) * (1 - face)
    image = blend(blend(image, flesh, throat * below), fabric, body * below)
    return image, layout.person * (1 - below) + np.maximum(body, throat) * below


def _shoulders(
    layout: FaceLayout, middle: float, half: float, top: float, rng: np.random.Generator, size: int
) -> Array:
    """Cover (S, S) of the clothed area. It slopes from the neck, `half` wide, to the shoulders."""
    wide, drop, bow = rng.uniform(2.3, 4.5), rng.uniform(0.3, 1.5), rng.uniform(0.5, 2.5)
    along = np.linspace(0, 1, 12)
    right = np.append(half + (wide - half) * along, wide * rng.uniform(1.0, 1.3))
    down = np.append(top + drop * along**bow, _OFF_IMAGE)
    outline = layout.at(middle + np.concatenate([-right[::-1], right]), np.concatenate([down[::-1], down]))
    return draw_outlines(size, [outline])


def _neckline(
    layout: FaceLayout, middle: float, half: float, top: float, scale: float, depth: float, rng: np.random.Generator
) -> Array:
    """Outline (26, 2) of an opening below the neck, `scale` times as wide and `depth` deep: round or pointed."""
    power, right = rng.uniform(0.6, 2.2), np.linspace(-1, 1, 25)
    line = layout.at(middle + scale * half * right, top + depth * (1 - np.abs(right) ** power))
    return np.concatenate([line, layout.at(middle, top - 2.0)[None]])


def _clothes(
    flesh: Array, layout: FaceLayout, middle: float, top: float, necklines: Sequence[Array], rng: np.random.Generator
) -> Array:
    """Colours (S, S, 3) of clothes. Inside the outer neckline they are `flesh` or, between the outer and the inner one,
    a shirt."""
    size = len(flesh)
    opened, innermost = (draw_outlines(size, [line]) for line in necklines)
    cloth = _fabric(rng, size)
    if rng.uniform() < LAPELS:
        edge = draw_outlines(size, [necklines[0][:-1]], rng.uniform(0.04, 0.4) * layout.eye_distance)
        cloth = blend(cloth, cloth * rng.uniform(0.4, 1.4), edge)
    fabric = blend(cloth, flesh, opened)
    if rng.uniform() < SHIRT:
        fabric = blend(fabric, _fabric(rng, size, rng.uniform(0.5, 0.95)), opened * (1 - innermost))
        if rng.uniform() < TIE:
            wide = rng.uniform(0.12, 0.3) * np.array([-0.5, 0.5, 1, -1])
            tie = draw_outlines(size, [layout.at(middle + wide, np.array([top, top, _OFF_IMAGE, _OFF_IMAGE]))])
            fabric = blend(fabric, _fabric(rng, size), tie * opened)
    return fabric


def _lower_face(layout: FaceLayout, size: int) -> Array:
    """Cover (S, S) of the lower face, an ellipse around the mouth."""
    theta = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    low = (layout.chin - float(layout.eyes.mean(0)[1])) / layout.eye_distance
    return draw_outlines(size, [layout.at(1.05 * np.cos(theta), 0.45 * low + 0.55 * low * np.sin(theta))])


def _skin_tone(image: Array, layout: FaceLayout) -> Array:
    """Median colour (3,) of the cheeks."""
    row = np.mgrid[: len(image), : len(image)][0]
    cheeks = (layout.skin > 0.9) & (row > layout.eyes[:, 1].mean()) & (row < layout.mouth[:, 1].mean())
    tone: Array = np.median(image[cheeks], axis=0) if cheeks.any() else np.full(3, 128.0)
    return tone


def _fabric(rng: np.random.Generator, size: int, bright: float | None = None) -> Array:
    """Colours (S, S, 3) float32 in [0, 255] of fabric, plain or patterned, with soft folds."""
    plain = rng.uniform(0.02, 0.95) * rng.uniform(0.6, 1.0, 3) if bright is None else bright * rng.uniform(0.9, 1.0, 3)
    colours = np.broadcast_to(plain.astype(np.float32), (size, size, 3))
    if bright is None and rng.uniform() < 0.4:
        colours = dead_leaves(rng, size)
    soft = cv2.GaussianBlur(fractal_noise(rng, size), (0, 0), size / 40)
    return 255 * np.clip(colours * np.exp(rng.uniform(0, 0.35) * soft / (soft.std() + 1e-6))[..., None], 0, 1)
