"""Neck, shoulders and clothes of a photographed person, drawn anew below the chin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.studio.dead_leaves import grain, leaves
from lcvd.studio.layout import Places, blended, drawn

Array = NDArray[Any]
SHIRT, TIE, LAPELS = 0.45, 0.5, 0.4
"""Shares of clothes with a shirt in the neckline, of shirts with a tie, and of clothes with lapels."""
_FAR = 12.0
"""Below every picture, in distances of the eyes."""


def dressed(picture: Array, where: Places, rng: np.random.Generator) -> tuple[Array, Array]:
    """The picture (S, S, 3) float32 in [0, 255] with another neck and other clothes, and the person's outline then,
    (S, S) in [0, 1]."""
    size, chin = len(picture), (where.chin - float(where.eyes.mean(0)[1])) / where.apart
    half, middle = rng.uniform(0.75, 1.2), 0.1 * rng.standard_normal()
    top, depth = chin + rng.uniform(0.25, 0.7), rng.uniform(0.15, 1.8)
    sides = np.array([-half, half, 1.1 * half, -1.1 * half])
    throat = drawn(size, [where.at(middle + sides, np.array([chin - 0.8, chin - 0.8, _FAR, _FAR]))])
    body = _shoulders(where, middle, half, top, rng, size)
    necklines = [_neckline(where, middle, half, top, scale, depth * scale, rng) for scale in (1.05, 0.75)]
    row, column = np.mgrid[:size, :size].astype(np.float32)
    under = (row - where.chin) / where.apart
    flesh = _skin_tone(picture, where) * np.exp(0.08 * grain(rng, size))[..., None]
    flesh = flesh * (1 - rng.uniform(0.1, 0.45) * np.exp(-np.clip(under, 0, None) / 0.5))[..., None]
    fabric = _clothes(flesh, where, middle, top, necklines, rng)
    # Beside the face the old collar may reach higher than the chin.
    aside = np.clip((np.abs(column - where.eyes.mean(0)[0]) / where.apart - 1.2) / 0.4, 0, 1)
    face = cv2.GaussianBlur(_lower_face(where, size), (0, 0), 0.04 * where.apart)
    below = np.clip((under + 0.1 + 0.8 * aside) / 0.12, 0, 1) * (1 - face)
    picture = blended(blended(picture, flesh, throat * below), fabric, body * below)
    return picture, where.person * (1 - below) + np.maximum(body, throat) * below


def _shoulders(where: Places, middle: float, half: float, top: float, rng: np.random.Generator, size: int) -> Array:
    """Cover (S, S) of what is clothed, sloping from the neck, `half` wide, to the shoulders."""
    wide, drop, bow = rng.uniform(2.3, 4.5), rng.uniform(0.3, 1.5), rng.uniform(0.5, 2.5)
    along = np.linspace(0, 1, 12)
    right = np.append(half + (wide - half) * along, wide * rng.uniform(1.0, 1.3))
    down = np.append(top + drop * along**bow, _FAR)
    outline = where.at(middle + np.concatenate([-right[::-1], right]), np.concatenate([down[::-1], down]))
    return drawn(size, [outline])


def _neckline(
    where: Places, middle: float, half: float, top: float, scale: float, depth: float, rng: np.random.Generator
) -> Array:
    """Outline (26, 2) of an opening below the neck, `scale` times as wide and `depth` deep: round or pointed."""
    power, right = rng.uniform(0.6, 2.2), np.linspace(-1, 1, 25)
    line = where.at(middle + scale * half * right, top + depth * (1 - np.abs(right) ** power))
    return np.concatenate([line, where.at(middle, top - 2.0)[None]])


def _clothes(
    flesh: Array, where: Places, middle: float, top: float, necklines: Sequence[Array], rng: np.random.Generator
) -> Array:
    """Colours (S, S, 3) of clothes, and of `flesh` or a shirt between the two necklines, outer and inner."""
    size = len(flesh)
    opened, innermost = (drawn(size, [line]) for line in necklines)
    cloth = _stuff(rng, size)
    if rng.uniform() < LAPELS:
        edge = drawn(size, [necklines[0][:-1]], rng.uniform(0.04, 0.4) * where.apart)
        cloth = blended(cloth, cloth * rng.uniform(0.4, 1.4), edge)
    fabric = blended(cloth, flesh, opened)
    if rng.uniform() < SHIRT:
        fabric = blended(fabric, _stuff(rng, size, rng.uniform(0.5, 0.95)), opened * (1 - innermost))
        if rng.uniform() < TIE:
            wide = rng.uniform(0.12, 0.3) * np.array([-0.5, 0.5, 1, -1])
            tie = drawn(size, [where.at(middle + wide, np.array([top, top, _FAR, _FAR]))])
            fabric = blended(fabric, _stuff(rng, size), tie * opened)
    return fabric


def _lower_face(where: Places, size: int) -> Array:
    """Cover (S, S) of the lower face, as wide as the mouth shows."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    low = (where.chin - float(where.eyes.mean(0)[1])) / where.apart
    return drawn(size, [where.at(1.05 * np.cos(turn), 0.45 * low + 0.55 * low * np.sin(turn))])


def _skin_tone(picture: Array, where: Places) -> Array:
    """Median colour (3,) of the cheeks."""
    row = np.mgrid[: len(picture), : len(picture)][0]
    cheeks = (where.skin > 0.9) & (row > where.eyes[:, 1].mean()) & (row < where.mouth[:, 1].mean())
    tone: Array = np.median(picture[cheeks], axis=0) if cheeks.any() else np.full(3, 128.0)
    return tone


def _stuff(rng: np.random.Generator, size: int, bright: float | None = None) -> Array:
    """Colours (S, S, 3) float32 in [0, 255] of cloth, plain or patterned, with soft folds."""
    plain = rng.uniform(0.02, 0.95) * rng.uniform(0.6, 1.0, 3) if bright is None else bright * rng.uniform(0.9, 1.0, 3)
    colours = np.broadcast_to(plain.astype(np.float32), (size, size, 3))
    if bright is None and rng.uniform() < 0.4:
        colours = leaves(rng, size)
    soft = cv2.GaussianBlur(grain(rng, size), (0, 0), size / 40)
    return 255 * np.clip(colours * np.exp(rng.uniform(0, 0.35) * soft / (soft.std() + 1e-6))[..., None], 0, 1)
