"""What makes a photograph of a person one of somebody else: marks on the skin, brows, beard, other hair and clothes,
a hat.

All is drawn into the photograph, so that it moves, turns and is lit with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.studio.leaves import grain, leaves

Array = NDArray[Any]
MARKED, BEARD, BROWS, HAIR, CLOTHED, HAT = 0.7, 0.25, 0.5, 0.5, 0.85, 0.35
"""Shares of people with marks on the skin, a beard, other brows, other hair, other clothes, a hat."""
STRONGEST = 0.45
"""Marks lighten or darken skin by at most a factor e^this, nearly always."""
_FINE = 4
"""Outlines are drawn on so many times as many pixels a side."""


@dataclass(frozen=True)
class Places:
    """Where things are in a square picture: `eyes` and `mouth` corners, pixels (2, 2) each, picture's left before right;
    `chin`, a row; `skin` and `person`, (S, S) in [0, 1]."""

    eyes: Array
    mouth: Array
    chin: float
    skin: Array
    person: Array

    @property
    def apart(self) -> float:
        """Pixels between the eyes."""
        return float(np.hypot(*(self.eyes[1] - self.eyes[0])))

    def at(self, right: float | Array, down: float | Array) -> Array:
        """Pixels (..., 2) `right` and `down` of the middle between the eyes, in distances of the eyes along the face."""
        across = (self.eyes[1] - self.eyes[0]) / self.apart
        below = np.array([-across[1], across[0]])
        right, down = np.asarray(right)[..., None], np.asarray(down)[..., None]
        return self.eyes.mean(0) + self.apart * (right * across + down * below)


def disguised(picture: Array, where: Places, rng: np.random.Generator) -> tuple[Array, Array]:
    """The picture (S, S, 3) float32 in [0, 255] of a person who looks otherwise, and where hair and hat are now,
    (S, S) in [0, 1]."""
    size = len(picture)
    hair = np.clip(np.exp(rng.uniform(np.log(0.08), np.log(0.9))) * rng.uniform(0.7, 1.0, 3) * (1.1, 0.9, 0.75), 0, 1)
    if rng.uniform() < MARKED:
        picture = _blended(picture, picture * np.exp(_marks(rng, size, where.apart)), where.skin)
    if rng.uniform() < BROWS:
        picture = _blended(picture, _brightness(picture) * hair, _brows(where, rng, size))
    if rng.uniform() < BEARD:
        picture = _blended(picture, _brightness(picture) * hair, _beard(where, rng, size))
    if rng.uniform() < CLOTHED:
        picture = _clothed(picture, where, rng)
    worn = np.zeros((size, size), np.float32)
    if rng.uniform() < HAIR:
        worn = _hair(where, rng, size)
        strands = np.exp(0.35 * grain(rng, size)[..., None]) * rng.uniform(0.5, 1.0)
        picture = _blended(picture, 255 * hair * strands, worn)
    if rng.uniform() < HAT:
        hat, colours = _hat(where, rng, size)
        picture, worn = _blended(picture, colours, hat), np.maximum(worn, hat)
    return picture, worn


def _blended(picture: Array, other: Array, share: Array) -> Array:
    return picture + share[..., None] * (other - picture)


def _brightness(picture: Array, contrast: float = 0.5) -> Array:
    """Grey (S, S, 1), less contrasted than the picture, so that light and folds still show under another colour."""
    grey = picture.mean(-1, keepdims=True) + 1
    return grey**contrast * np.median(grey) ** (1 - contrast)


def _marks(rng: np.random.Generator, size: int, apart: float) -> Array:
    """Logarithms (S, S, 3) of how much lighter skin is: spots and lines of leaves, and grain. What is coarser than a
    third of the face is taken out, it would pass for light."""
    drawn = np.log(leaves(rng, size) + 0.1)
    if rng.uniform() < 0.7:
        drawn = np.broadcast_to(drawn.mean(-1, keepdims=True), drawn.shape).copy()
    drawn += 0.3 * rng.uniform() * grain(rng, size)[..., None]
    drawn -= cv2.GaussianBlur(drawn, (0, 0), apart / 3)
    return drawn * (STRONGEST * rng.uniform() ** 1.5 / (2 * drawn.std() + 1e-6))


def _brows(where: Places, rng: np.random.Generator, size: int) -> Array:
    height, thick, arch = rng.uniform(0.22, 0.36), rng.uniform(0.03, 0.1), rng.uniform(-0.02, 0.1)
    right = np.linspace(0.22, 0.78, 12)
    down = -height - arch * np.sin(np.linspace(0, np.pi, 12))
    lines = [where.at(sign * right, down) for sign in (-1, 1)]
    cover = _drawn(size, lines, thickness=thick * where.apart)
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
    hidden = below * where.skin * (1 - _drawn(size, [lips]))
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
    around = _drawn(size, [where.at(half * np.cos(turn), down)])
    parting, fringe = rng.uniform(-0.6, 0.6), rng.uniform(0.45, 1.1)
    line = where.at(np.array([-2, parting, 2, 2, -2]), np.array([-fringe, -rng.uniform(0.9, 1.3), -fringe, -4, -4]))
    return np.clip(around * np.maximum(1 - where.skin, _drawn(size, [line])), 0, 1)


def _clothed(picture: Array, where: Places, rng: np.random.Generator) -> Array:
    """Another stuff below the chin, under the folds of the one that is there."""
    row = np.mgrid[: len(picture), : len(picture)][0].astype(np.float32)
    below = np.clip((row - where.chin) / (0.15 * where.apart), 0, 1)
    stuff = leaves(rng, len(picture)) if rng.uniform() < 0.7 else np.full_like(picture, rng.uniform(0.03, 0.95, 3))
    share = below * where.person * (1 - where.skin) * rng.uniform(0.7, 1.0)
    return _blended(picture, _brightness(picture, rng.uniform(0.0, 0.5)) * 1.6 * stuff, share)


def _hat(where: Places, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """A hat's cover (S, S) and colours (S, S, 3): a crown above the brows, often with a brim or a band."""
    low, high, half = rng.uniform(0.5, 0.95), rng.uniform(1.7, 2.6), rng.uniform(1.15, 1.7)
    turn, power = np.linspace(0, np.pi, 32), rng.uniform(2.0, 5.0)
    right = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** (2 / power)
    crown = where.at(half * right, -low - (high - low) * np.sin(turn) ** (2 / power))
    cover = _drawn(size, [crown])
    column = np.mgrid[:size, :size][1].astype(np.float32)
    round_ = 1 - 0.5 * np.clip(np.abs(column - where.eyes.mean(0)[0]) / (half * where.apart), 0, 1) ** 2
    plain = np.broadcast_to(rng.uniform(0.03, 0.95, 3).astype(np.float32), (size, size, 3))
    colours = np.array(leaves(rng, size) if rng.uniform() < 0.5 else plain)
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    wide, thick = half * rng.uniform(1.0, 1.5), rng.uniform(0.06, 0.25)
    for share, scale in ((0.5, 1.0), (0.5, half / wide)):  # a brim, a band
        if rng.uniform() < share:
            strip = _drawn(size, [where.at(wide * scale * np.cos(turn), -low - thick * np.sin(turn))])
            strip = strip if scale == 1.0 else strip * cover
            colours = _blended(colours, rng.uniform(0.03, 0.95, 3).astype(np.float32), strip)
            cover = np.maximum(cover, strip)
    return cover, 255 * round_[..., None] * colours


def _drawn(size: int, outlines: list[Array], thickness: float | None = None) -> Array:
    """Cover (S, S) float32 of polygons of pixels (N, 2), or of lines along them, smooth at the edges."""
    cover = np.zeros((_FINE * size, _FINE * size), np.float32)
    points = [np.rint(_FINE * outline).astype(np.int32) for outline in outlines]
    if thickness is None:
        cv2.fillPoly(cover, points, 1.0)
    else:
        cv2.polylines(cover, points, False, 1.0, max(1, round(_FINE * thickness)))
    return cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA)
