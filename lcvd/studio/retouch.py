"""How a photograph was taken, and that no two faces measure the same: bending, tones, focus and grain of a picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
BEND, BEND_FACE = 0.04, 0.012
"""Standard deviations of how far things move, in sides of the picture; in the face less, where a mesh must still fit."""
CELLS = 5
"""The bending's lattice, points a side."""


def bent(picture: Array, matte: Array, skin: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Picture (S, S, 3) and matte (S, S), bent smoothly, the face least, which `skin` (S, S) in [0, 1] tells."""
    size = len(picture)
    lattice = rng.standard_normal((CELLS, CELLS, 2)).astype(np.float32)
    field = cv2.resize(lattice, (size, size), interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(cv2.dilate(skin, np.ones((size // 16, size // 16))), (0, 0), size / 20)[..., None]
    field = field * size * (BEND + (BEND_FACE - BEND) * np.clip(soft, 0, 1))
    y, x = np.mgrid[:size, :size].astype(np.float32)
    map_x, map_y = x + field[..., 0], y + field[..., 1]
    moved = [
        cv2.remap(plane, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for plane in (picture.astype(np.float32), matte)
    ]
    return moved[0], moved[1]


def toned(picture: Array, rng: np.random.Generator) -> Array:
    """The picture (S, S, 3) in [0, 255] with other contrast, saturation, cast, sharpness and grain."""
    share = np.clip(picture / 255, 0, 1).astype(np.float32)
    share = share ** np.exp(0.2 * rng.standard_normal())
    curve = share * share * (3 - 2 * share)
    share = share + rng.uniform(-0.3, 0.8) * (curve - share)
    grey = share.mean(-1, keepdims=True)
    share = grey + rng.uniform(0.5, 1.3) * (share - grey)
    share = share * np.exp(0.06 * rng.standard_normal(3))
    width = len(picture) / 160
    share = share + rng.uniform(-0.8, 1.5) * (share - cv2.GaussianBlur(share, (0, 0), width))
    noise = cv2.GaussianBlur(rng.standard_normal(share.shape).astype(np.float32), (0, 0), 0.5 * width)
    return 255 * np.clip(share + 0.04 * rng.uniform() ** 2 * noise / noise.std(), 0, 1)
