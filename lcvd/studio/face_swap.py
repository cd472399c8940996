"""Face swap: replace the face of a photograph by that of a computer-generated head with a closed mouth.

All variants of one photograph share its eye placement and its smile. The heads provide faces of other people, as far as
publishable data allows.
"""

import functools

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.studio.layout import FaceLayout, blend
from lcvd.studio.photo import load_photo
from lcvd.studio.portrait import build_portrait

SOURCE_FACES, FIRST_HEAD = 40, 7000
"""Number of heads that serve as source faces, and the number of the first one. No clip shows these heads unchanged."""
SWAPPED, MIN_SWAP = 0.6, 0.3
"""Probability of a face swap, and its minimum opacity."""
EXPRESSION_KEPT = 0.25
"""Fraction of the photograph's expression that a swapped face keeps."""


def swap_face(image: Array, layout: FaceLayout, face: Array) -> Array:
    """Image (S, S, 3) float32 in [0, 255] with its face replaced by `face` (S, S, 3), matched in brightness and colour."""
    size = len(image)
    rows = np.mgrid[:size, :size][0].astype(np.float32)
    cover = layout.skin * np.clip((layout.chin - rows) / (0.15 * layout.eye_distance), 0, 1)
    cover = cv2.GaussianBlur(cv2.erode(cover, np.ones((3, 3))), (0, 0), 0.06 * layout.eye_distance)
    ours, theirs = ((image * cover[..., None]).sum((0, 1)) for image in (image, face))
    return blend(image, face * (ours / theirs), cover)


@functools.lru_cache(maxsize=2 * SOURCE_FACES)
def source_face(identity: str, mirrored: bool, number: int, size: int) -> Array:
    """Source face `number` of `SOURCE_FACES`, (S, S, 3) float32 in [0, 255], in the pose and light of the photograph."""
    codes = load_photo(identity, size, mirrored).codes
    rest = build_portrait(FIRST_HEAD + number, size).codes.expression
    calm = codes.replace(expression=rest + EXPRESSION_KEPT * (codes.expression - rest))
    frames, _ = next(build_portrait(FIRST_HEAD + number, size).render(calm))
    return frames[0].astype(np.float32)
