"""What makes a photograph of a person one of somebody else: marks and folds of the skin, lips, brows, beard, other hair
and clothes, a hat.

All is drawn into the photograph, so that it moves, turns and is lit with it.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.studio.clothing import dressed
from lcvd.studio.dead_leaves import grain, leaves
from lcvd.studio.layout import Places, blended, brightness, drawn
from lcvd.studio.skin_marks import folds, lips, marks

Array = NDArray[Any]
MASKED, MARKED, FOLDED, PAINTED, BEARD, BROWS, HAIR, CLOTHED, HAT = 0.35, 0.7, 0.5, 0.5, 0.25, 0.5, 0.5, 0.85, 0.35
"""Shares of people with paint on the face, marks on the skin, folds, colour on the lips, a beard, other brows, other hair,
other clothes, a hat."""


def disguised(picture: Array, where: Places, rng: np.random.Generator) -> tuple[Array, Array]:
    """The picture (S, S, 3) float32 in [0, 255] of a person who looks otherwise, and that person's outline, (S, S) in
    [0, 1]."""
    size, outline = len(picture), where.person
    hair = np.clip(np.exp(rng.uniform(np.log(0.08), np.log(0.9))) * rng.uniform(0.7, 1.0, 3) * (1.1, 0.9, 0.75), 0, 1)
    if rng.uniform() < MASKED:
        picture = blended(picture, brightness(picture) * (2 * leaves(rng, size)), _mask(where, rng, size))
    if rng.uniform() < MARKED:
        picture = blended(picture, picture * np.exp(marks(rng, size, where.apart)), where.skin)
    if rng.uniform() < FOLDED:
        picture = blended(picture, picture * np.exp(folds(where, rng, size)), where.skin)
    if rng.uniform() < PAINTED:
        picture = picture * np.exp(lips(where, rng, size))
    if rng.uniform() < BROWS:
        picture = blended(picture, brightness(picture) * hair, _brows(where, rng, size))
    if rng.uniform() < BEARD:
        picture = blended(picture, brightness(picture) * hair, _beard(where, rng, size))
    if rng.uniform() < CLOTHED:
        picture, outline = dressed(picture, where, rng)
    if rng.uniform() < HAIR:
        strands = np.exp(0.35 * grain(rng, size)[..., None]) * rng.uniform(0.5, 1.0)
        worn = _hair(where, rng, size)
        picture, outline = blended(picture, 255 * hair * strands, worn), np.maximum(outline, worn)
    if rng.uniform() < HAT:
        worn, colours = _hat(where, rng, size)
        picture, outline = blended(picture, colours, worn), np.maximum(outline, worn)
    return picture, outline


def _mask(where: Places, rng: np.random.Generator, size: int) -> Array:
    """The face, thinner on the eyes and the mouth, by which faces are found."""
    bare = np.zeros((size, size), np.float32)
    for middle, wide, high in (
        (where.eyes[0], 0.34, 0.2),
        (where.eyes[1], 0.34, 0.2),
        (where.mouth.mean(0), 0.5, 0.25),
    ):
        turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        bare += drawn(size, [middle + where.apart * np.stack([wide * np.cos(turn), high * np.sin(turn)], -1)])
    thin = cv2.GaussianBlur(np.clip(bare, 0, 1), (0, 0), 0.05 * where.apart)
    return where.skin * rng.uniform(0.2, 0.8) * (1 - rng.uniform(0.5, 1.0) * thin)


def _brows(where: Places, rng: np.random.Generator, size: int) -> Array:
    height, thick, arch = rng.uniform(0.22, 0.36), rng.uniform(0.03, 0.1), rng.uniform(-0.02, 0.1)
    right = np.linspace(0.22, 0.78, 12)
    down = -height - arch * np.sin(np.linspace(0, np.pi, 12))
    lines = [where.at(sign * right, down) for sign in (-1, 1)]
    cover = drawn(size, lines, thickness=thick * where.apart)
    return cover * rng.uniform(0.3, 0.9) * np.clip(0.75 + 0.3 * grain(rng, size), 0, 1)


def _beard(where: Places, rng: np.random.Generator, size: int) -> Array:
    """Cheeks below the ears, chin, and upper lip, but not the mouth."""
    mouth = where.mouth.mean(0)
    wide = float(np.hypot(*(where.mouth[1] - where.mouth[0])))
    row = np.mgrid[:size, :size][0].astype(np.float32)
    start = mouth[1] - wide * rng.uniform(0.15, 0.5)
    below = np.clip((row - start) / (0.2 * wide), 0, 1) * (row < where.chin + 0.2 * wide)
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    lips = mouth + np.stack([0.55 * wide * np.cos(turn), 0.2 * wide * np.sin(turn)], -1)
    hidden = below * where.skin * (1 - drawn(size, [lips]))
    return (
        cv2.GaussianBlur(hidden, (0, 0), size / 150)
        * rng.uniform(0.2, 0.85)
        * np.clip(0.8 + 0.25 * grain(rng, size), 0, 1)
    )


def _hair(where: Places, rng: np.random.Generator, size: int) -> Array:
    """Around the face and, with a fringe, on the forehead; long hair down to the shoulders."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    half, high, low = rng.uniform(1.3, 2.0), rng.uniform(1.6, 2.5), rng.uniform(0.3, 3.2)
    down = np.where(np.sin(turn) < 0, high * np.sin(turn), low * np.sin(turn))
    around = drawn(size, [where.at(half * np.cos(turn), down)])
    parting, fringe = rng.uniform(-0.6, 0.6), rng.uniform(0.45, 1.1)
    line = where.at(np.array([-2, parting, 2, 2, -2]), np.array([-fringe, -rng.uniform(0.9, 1.3), -fringe, -4, -4]))
    return np.clip(around * np.maximum(1 - where.skin, drawn(size, [line])), 0, 1)


def _hat(where: Places, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """A hat's cover (S, S) and colours (S, S, 3): a crown above the brows, often with a brim or a band."""
    low, high, half = rng.uniform(0.5, 0.95), rng.uniform(1.7, 2.6), rng.uniform(1.15, 1.7)
    turn, power = np.linspace(0, np.pi, 32), rng.uniform(2.0, 5.0)
    right = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** (2 / power)
    crown = where.at(half * right, -low - (high - low) * np.sin(turn) ** (2 / power))
    cover = drawn(size, [crown])
    column = np.mgrid[:size, :size][1].astype(np.float32)
    round_ = 1 - 0.5 * np.clip(np.abs(column - where.eyes.mean(0)[0]) / (half * where.apart), 0, 1) ** 2
    plain = np.broadcast_to(rng.uniform(0.03, 0.95, 3).astype(np.float32), (size, size, 3))
    colours = np.array(leaves(rng, size) if rng.uniform() < 0.5 else plain)
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    wide, thick = half * rng.uniform(1.0, 1.5), rng.uniform(0.06, 0.25)
    for share, scale in ((0.5, 1.0), (0.5, half / wide)):  # a brim, a band
        if rng.uniform() < share:
            strip = drawn(size, [where.at(wide * scale * np.cos(turn), -low - thick * np.sin(turn))])
            strip = strip if scale == 1.0 else strip * cover
            colours = blended(colours, rng.uniform(0.03, 0.95, 3).astype(np.float32), strip)
            cover = np.maximum(cover, strip)
    return cover, 255 * round_[..., None] * colours
