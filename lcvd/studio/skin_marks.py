"""A face's skin: marks, the folds of age, and colour on the lips."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.studio.dead_leaves import grain, leaves
from lcvd.studio.layout import Places, drawn

Array = NDArray[Any]
STRONGEST = 0.45
"""Folds lighten or darken skin by at most a factor e^this, nearly always; marks by up to twice as much."""


def marks(rng: np.random.Generator, size: int, apart: float) -> Array:
    """Logarithms (S, S, 3) of how much lighter skin is: spots and lines of leaves, and grain. What is coarser than a
    third of the face is taken out, it would pass for light."""
    drawn = np.log(leaves(rng, size) + 0.1)
    if rng.uniform() < 0.7:
        drawn = np.broadcast_to(drawn.mean(-1, keepdims=True), drawn.shape).copy()
    drawn += 0.3 * rng.uniform() * grain(rng, size)[..., None]
    drawn -= cv2.GaussianBlur(drawn, (0, 0), apart / 3)
    return drawn * (STRONGEST * rng.uniform() ** 1.5 / (drawn.std() + 1e-6))


def folds(where: Places, rng: np.random.Generator, size: int) -> Array:
    """Logarithms (S, S, 3) of how much lighter skin is: lines on the forehead, from nose to chin, around the eyes and
    under them, each dark with a light ridge beside it, and not alike left and right."""
    apart, mouth = where.apart, where.mouth.mean(0)
    low = float(mouth[1] - where.eyes.mean(0)[1]) / apart
    across = np.linspace(-1, 1, 16)
    lines = [
        where.at(rng.uniform(0.4, 0.75) * across + 0.1 * rng.standard_normal(), height + 0.05 * across**2)
        for height in -rng.uniform(0.4, 0.95, rng.integers(0, 5))
    ]
    for side in (-1, 1):
        down = np.linspace(rng.uniform(0.55, 0.7), low + rng.uniform(-0.1, 0.35), 12)
        lines.append(where.at(side * (rng.uniform(0.26, 0.34) + 0.3 * (down - down[0]) ** 0.8), down))
        for below in rng.uniform(0.15, 0.42, rng.integers(0, 4)):
            lines.append(where.at(side * 0.5 + rng.uniform(0.2, 0.34) * across, below - 0.1 * across**2))
        for lift in rng.uniform(-0.2, 0.25, rng.integers(0, 4)):
            lines.append(where.at(side * np.linspace(0.85, rng.uniform(0.95, 1.15), 8), np.linspace(0, lift, 8)))
    depth = np.zeros((size, size), np.float32)
    for line in lines:
        dark = cv2.GaussianBlur(drawn(size, [line], rng.uniform(0.015, 0.05) * apart), (0, 0), 0.03 * apart)
        ridge = cv2.GaussianBlur(dark, (0, 0), 0.05 * apart)
        depth += rng.uniform(0.3, 1.0) * (dark - 0.8 * ridge) / (dark.max() + 1e-6)
    return -STRONGEST * rng.uniform(0.3, 1.5) * depth[..., None] * np.array([0.8, 1.0, 1.05], np.float32)


def lips(where: Places, rng: np.random.Generator, size: int) -> Array:
    """Logarithms (S, S, 3) of how much lighter the lips are: redder, paler or darker."""
    wide = float(np.hypot(*(where.mouth[1] - where.mouth[0])))
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    outline = where.mouth.mean(0) + np.stack([0.52 * wide * np.cos(turn), 0.2 * wide * np.sin(turn)], -1)
    cover = cv2.GaussianBlur(drawn(size, [outline]), (0, 0), 0.05 * wide)
    return cover[..., None] * (
        rng.uniform(-0.3, 0.1) + rng.uniform(-0.1, 0.35) * np.array([1.0, -1.0, -0.7], np.float32)
    )
