"""Pictures of nothing, with the statistics of photographs: leaves of all sizes that have fallen over one another.

The dead-leaves model (Lee, Mumford and Huang, IJCV 2001): sizes by a power law and each leaf hiding what is below give
edges and flat areas at every scale, as natural pictures have them. The exponent is 2 instead of the model's 3, because at
128 px the smallest leaves of that are lost. What a network learns to carry over of such pictures,
it carries over of others.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SMALLEST, LARGEST = 0.02, 0.5
"""Radii of leaves, in sides of the picture."""
SHAPES = {"ellipse": 0.45, "polygon": 0.4, "band": 0.15}
"""How common each is."""
_FINE = 2
"""Leaves are drawn on so many times as many pixels a side."""


def leaves(rng: np.random.Generator, size: int) -> Array:
    """A picture (size, size, 3) float32 in [0, 1], drawn by `rng`: number of leaves, colours, grain and focus too."""
    side = _FINE * size
    palette = _palette(rng)
    picture: Array = np.full((side, side, 3), palette[0], np.float32)
    count = int(np.exp(rng.uniform(np.log(12), np.log(300))))
    # Radii with density r^-2 between the limits, by the inverse of their distribution.
    radii = side / (1 / SMALLEST + (1 / LARGEST - 1 / SMALLEST) * rng.uniform(size=count))
    for radius in radii:
        colour = palette[rng.integers(len(palette))] * np.exp(0.15 * rng.standard_normal())
        _leaf(picture, rng, float(radius), np.clip(colour, 0, 1).tolist())
    picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    picture *= np.exp(rng.uniform(0, 0.2) * grain(rng, size))[..., None]
    if rng.uniform() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), size * rng.uniform(0.004, 0.03))
    return np.clip(picture, 0, 1)


def grain(rng: np.random.Generator, size: int) -> Array:
    """A field (size, size) float32 of mean 0 and deviation 1 whose finest lumps are a few pixels wide, coarser ones
    stronger."""
    total = np.zeros((size, size), np.float32)
    cells = 4
    while cells <= size // 2:
        lattice = rng.standard_normal((cells, cells)).astype(np.float32)
        total += cv2.resize(lattice, (size, size), interpolation=cv2.INTER_CUBIC) * np.float32(cells**-0.4)
        cells *= 2
    total -= total.mean()
    return total / total.std()


def _palette(rng: np.random.Generator) -> Array:
    """Colours (N, 3): a few hues, mostly muted, from dark to light."""
    count = rng.integers(3, 10)
    hue = (rng.uniform(0, 360) + rng.choice([20, 60, 180]) * rng.standard_normal(count)) % 360
    hsv = np.stack([hue, rng.beta(1.2, 2.2, count), rng.uniform(0.04, 1.0, count)], -1).astype(np.float32)
    return cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]


def _leaf(picture: Array, rng: np.random.Generator, radius: float, colour: list[float]) -> None:
    side = len(picture)
    x, y = (int(value) for value in rng.uniform(0, side, 2))
    longer, angle = radius * rng.uniform(1.0, 2.5), rng.uniform(0, 360)
    shape = rng.choice(list(SHAPES), p=list(SHAPES.values()))
    if shape == "ellipse":
        cv2.ellipse(picture, ((x, y), (2 * radius, 2 * longer), angle), colour, -1, cv2.LINE_AA)
    elif shape == "polygon":
        turns = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
        corners = np.stack([np.cos(turns), np.sin(turns)], -1) * (longer, radius) + (x, y)
        cv2.fillPoly(picture, [np.rint(corners).astype(np.int32)], colour, cv2.LINE_AA)
    else:
        along = 4 * longer * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        start, end = (np.rint(np.array((x, y)) + sign * along).astype(int).tolist() for sign in (-1, 1))
        cv2.line(picture, start, end, colour, max(1, round(radius / 2)), cv2.LINE_AA)
