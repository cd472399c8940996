"""A face lent to a photograph: a computer-made head's, with a closed mouth, where the photographed one was.

All that a photograph's relatives have is the photograph's: how its eyes are set, that it smiles. Faces of other people, as
much as may be shown, are the heads'.
"""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.studio.layout import Places, blended
from lcvd.studio.photo import photo
from lcvd.studio.portrait import portrait

Array = NDArray[Any]
DONORS, FIRST = 40, 7000
"""Number of heads that lend their faces, and the first one's: no clip shows them as they are."""
LENT, LEAST = 0.6, 0.3
"""Share of people with a lent face, and how much of it they have at least."""
CALM = 0.25
"""A lent face wears so much of the photograph's expression."""


def lent(picture: Array, where: Places, face: Array) -> Array:
    """The picture (S, S, 3) float32 in [0, 255] with `face` (S, S, 3) where its own was, as bright and of its colour."""
    size = len(picture)
    rows = np.mgrid[:size, :size][0].astype(np.float32)
    cover = where.skin * np.clip((where.chin - rows) / (0.15 * where.apart), 0, 1)
    cover = cv2.GaussianBlur(cv2.erode(cover, np.ones((3, 3))), (0, 0), 0.06 * where.apart)
    ours, theirs = ((image * cover[..., None]).sum((0, 1)) for image in (picture, face))
    return blended(picture, face * (ours / theirs), cover)


@functools.lru_cache(maxsize=2 * DONORS)
def donor(identity: str, mirrored: bool, number: int, size: int) -> Array:
    """Face number `number` of `DONORS` (S, S, 3) float32 in [0, 255], as it stands and is lit in the photograph."""
    codes = photo(identity, size, mirrored).codes
    rest = portrait(FIRST + number, size).codes.expression
    calm = codes.replace(expression=rest + CALM * (codes.expression - rest))
    frames, _ = next(portrait(FIRST + number, size).render(calm))
    return frames[0].astype(np.float32)
