"""Where clips' light comes from, in bins over the sphere around the head, as the camera sees it.

``even`` is light without much of a direction; ``front`` is within 30 degrees of the camera; ``behind`` comes from behind the
head; the other eight are the picture's sides and corners.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lcvd.array import Array

SIDES = ("right", "top right", "top", "top left", "left", "bottom left", "bottom", "bottom right")
BINS = ("even", "front", *SIDES, "behind")
EVEN = 0.2
"""Contrast (`lcvd.render.sh.contrast`) below which light has no direction worth a name."""
FRONT = np.cos(np.radians(30))


def bin_of(direction: Array | Sequence[float], contrast: float) -> str:
    """The bin of a light from `direction` (3,), a unit vector (x right, y up, z to the camera)."""
    x, y, z = (float(value) for value in direction)
    if contrast < EVEN:
        return "even"
    if z >= FRONT:
        return "front"
    if z < 0:
        return "behind"
    return SIDES[round(np.degrees(np.arctan2(y, x)) / 45) % 8]


def histogram(bins: Sequence[str]) -> dict[str, int]:
    """How many are in each of `BINS`, in their order."""
    tally = Counter(bins)
    return {name: tally[name] for name in BINS}


def balanced(bins: Sequence[str], strength: float) -> list[float]:
    """A weight for each clip, given its bin, that draws the bins equally often at `strength` 1, and at 0 each clip; in
    between a bin is drawn by its size to the power of 1 - `strength`."""
    tally = Counter(bins)
    return [tally[name] ** -strength for name in bins]
