"""Bins of light directions over the sphere around the head, as seen by the camera.

``even`` is light with low contrast; ``front`` is within 30 degrees of the camera axis; ``behind`` comes from behind the head;
the other eight are the image's sides and corners.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lcvd.array import Array

SIDES = ("right", "top right", "top", "top left", "left", "bottom left", "bottom", "bottom right")
BINS = ("even", "front", *SIDES, "behind")
EVEN = 0.2
"""Contrast (`lcvd.render.sh.contrast`) below which light counts as even."""
FRONT = np.cos(np.radians(30))


def bin_of(direction: Array | Sequence[float], contrast: float) -> str:
    """The bin of a light from `direction` (3,), a unit vector (x right, y up, z towards the camera)."""
    x, y, z = (float(value) for value in direction)
    if contrast < EVEN:
        return "even"
    if z >= FRONT:
        return "front"
    if z < 0:
        return "behind"
    return SIDES[round(np.degrees(np.arctan2(y, x)) / 45) % 8]


def histogram(bins: Sequence[str]) -> dict[str, int]:
    """Number of entries in each of `BINS`, in order."""
    tally = Counter(bins)
    return {name: tally[name] for name in BINS}


def balanced(bins: Sequence[str], strength: float) -> list[float]:
    """Sampling weight of each clip, given its bin: a bin is drawn in proportion to its size to the power of 1 - `strength`.

    At `strength` 1 all bins are equally likely, at 0 all clips."""
    tally = Counter(bins)
    return [tally[name] ** -strength for name in bins]
