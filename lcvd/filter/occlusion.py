"""Estimate by colour how much of a face is occluded, for example by a mask, a scarf or a sheet of paper.

The ratios of red, green and blue of skin hardly change with shading, and coloured light changes them less than cloth and
objects do. Occluders that are skin-coloured (a hand) or merely dark (a black microphone) are not detected.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.array import Array
from lcvd.face.embedding import SIDE

APART = 0.4
"""Minimum distance in (log(red/green), log(blue/green)) from the face's median at which a pixel counts as not skin."""
_BLUR, _DARK = 2.0, 8.0


def occluded_fraction(faces: NDArray[np.uint8]) -> float:
    """Return the fraction in [0, 1] of the skin region of aligned faces that isn't skin-coloured.

    It is the mean over the quarter of the frames (at least one) with the largest fractions. `faces` (N, 112, 112, 3) uint8
    RGB are from `lcvd.face.embedding.opencv_align`.
    """
    colours = np.stack([_colour(face) for face in faces])[:, _skin()]
    not_skin = np.linalg.norm(colours - np.median(colours, axis=(0, 1)), axis=-1) > APART
    fractions = np.sort(not_skin.mean(axis=1))
    return float(fractions[-max(1, len(fractions) // 4) :].mean())


def _colour(face: NDArray[np.uint8]) -> Array:
    """Return log(red/green) and log(blue/green), (112, 112, 2). Dark pixels, whose colour is noise, are biased to grey."""
    smooth = np.log(cv2.GaussianBlur(face, (0, 0), _BLUR).astype(np.float32) + np.float32(_DARK))
    return smooth[..., (0, 2)] - smooth[..., 1:2]


def _skin() -> NDArray[np.bool_]:
    """Return the skin region of an aligned face: an oval without the band of the eyes and without the mouth."""
    y, x = np.mgrid[:SIDE, :SIDE]
    oval = ((x - 56) / 34) ** 2 + ((y - 64) / 44) ** 2 < 1
    eyes = (y > 42) & (y < 60)
    mouth = (abs(y - 92) < 9) & (abs(x - 56) < 20)
    return oval & ~eyes & ~mouth
