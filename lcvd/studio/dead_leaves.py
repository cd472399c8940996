"""Dead-leaves images: random textures with natural-image statistics, used as backgrounds and skin detail.

The dead-leaves model (Lee, Mumford and Huang, IJCV 2001) draws occluding shapes whose sizes follow a power law. This
gives edges and flat areas at every scale, as in natural images. The exponent is 2 instead of the model's 3: at 128 px
the smallest leaves of the original would be lost. Networks trained to preserve these textures preserve natural ones
too.
"""

import cv2
import numpy as np

from lcvd.array import Array

MIN_RADIUS, MAX_RADIUS = 0.02, 0.5
"""Range of leaf radii as a fraction of the image side."""
SHAPES = {"ellipse": 0.45, "polygon": 0.4, "band": 0.15}
"""Probability of each shape."""
_SUPERSAMPLING = 2
"""Leaves are drawn at this multiple of the image side."""


def dead_leaves(rng: np.random.Generator, size: int) -> Array:
    """Image (size, size, 3) float32 in [0, 1]; `rng` also decides the number of leaves, the colours, the grain and the
    blur."""
    side = _SUPERSAMPLING * size
    palette = _palette(rng)
    image: Array = np.full((side, side, 3), palette[0], np.float32)
    count = int(np.exp(rng.uniform(np.log(12), np.log(300))))
    # Radii with density r^-2 between the limits, by inverse transform sampling.
    radii = side / (1 / MIN_RADIUS + (1 / MAX_RADIUS - 1 / MIN_RADIUS) * rng.uniform(size=count))
    for radius in radii:
        colour = palette[rng.integers(len(palette))] * np.exp(0.15 * rng.standard_normal())
        _draw_leaf(image, rng, float(radius), np.clip(colour, 0, 1).tolist())
    image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    image *= np.exp(rng.uniform(0, 0.2) * fractal_noise(rng, size))[..., None]
    if rng.uniform() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), size * rng.uniform(0.004, 0.03))
    return np.clip(image, 0, 1)


def fractal_noise(rng: np.random.Generator, size: int) -> Array:
    """Random field (size, size) float32 with mean 0 and standard deviation 1: octaves from a quarter of the side down
    to about two pixels, coarser ones stronger."""
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


def _draw_leaf(image: Array, rng: np.random.Generator, radius: float, colour: list[float]) -> None:
    side = len(image)
    x, y = (int(value) for value in rng.uniform(0, side, 2))
    longer, angle = radius * rng.uniform(1.0, 2.5), rng.uniform(0, 360)
    shape = rng.choice(list(SHAPES), p=list(SHAPES.values()))
    if shape == "ellipse":
        cv2.ellipse(image, ((x, y), (2 * radius, 2 * longer), angle), colour, -1, cv2.LINE_AA)
    elif shape == "polygon":
        turns = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
        corners = np.stack([np.cos(turns), np.sin(turns)], -1) * (longer, radius) + (x, y)
        cv2.fillPoly(image, [np.rint(corners).astype(np.int32)], colour, cv2.LINE_AA)
    else:
        along = 4 * longer * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        start, end = (np.rint(np.array((x, y)) + sign * along).astype(int).tolist() for sign in (-1, 1))
        cv2.line(image, start, end, colour, max(1, round(radius / 2)), cv2.LINE_AA)
