"""How a photograph was taken, and that no two faces measure the same: bending, tones, focus and grain of a picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.studio.layout import Places

Array = NDArray[Any]
BEND, BEND_FACE = 0.04, 0.012
"""Standard deviations of how far things move, in sides of the picture; in the face less, where a mesh must still fit."""
CELLS = 5
"""The bending's lattice, points a side."""
LARGER, MOVED = 0.22, 0.04
"""Standard deviations of how much larger (logarithm) and where else, in distances of the eyes, eyes, nose and mouth are."""


def bent(picture: Array, matte: Array, skin: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Picture (S, S, 3) and matte (S, S), bent smoothly, the face least, which `skin` (S, S) in [0, 1] tells."""
    size = len(picture)
    lattice = rng.standard_normal((CELLS, CELLS, 2)).astype(np.float32)
    field = cv2.resize(lattice, (size, size), interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(cv2.dilate(skin, np.ones((size // 16, size // 16))), (0, 0), size / 20)[..., None]
    field = field * size * (BEND + (BEND_FACE - BEND) * np.clip(soft, 0, 1))
    return _moved(picture, field), _moved(matte, field)


def featured(picture: Array, where: Places, rng: np.random.Generator) -> Array:
    """The picture (S, S, 3) with eyes, nose and mouth of other sizes at slightly other places: a network that knows one
    person's can't draw them from memory."""
    size, apart = len(picture), where.apart
    mouth = where.mouth.mean(0)
    nose = where.eyes.mean(0) + 0.62 * (mouth - where.eyes.mean(0))
    y, x = np.mgrid[:size, :size].astype(np.float32)
    field = np.zeros((size, size, 2), np.float32)
    eyes = rng.standard_normal()
    for centre, reach, larger in (
        (where.eyes[0], 0.4, eyes + 0.2 * rng.standard_normal()),
        (where.eyes[1], 0.4, eyes + 0.2 * rng.standard_normal()),
        (nose, 0.35, rng.standard_normal()),
        (mouth, 0.45, rng.standard_normal()),
    ):
        away = np.stack([x, y], -1) - centre.astype(np.float32)
        near = np.exp(-((away / (reach * apart)) ** 2).sum(-1, keepdims=True))
        shift = MOVED * apart * rng.standard_normal(2).astype(np.float32)
        field += near * ((np.exp(-LARGER * larger) - 1) * away - shift).astype(np.float32)
    return _moved(picture, field)


def _moved(plane: Array, field: Array) -> Array:
    """A plane (S, S, ...) whose pixels are those at `field` (S, S, 2) pixels from them."""
    size = len(plane)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    return cv2.remap(
        plane.astype(np.float32),
        x + field[..., 0],
        y + field[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


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
