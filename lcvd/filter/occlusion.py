"""How much of a face something else hides, by colour: a mask, a scarf, a sheet of paper, a screen in front of it.

Skin keeps its ratios of red, green and blue over light and shade, and coloured light changes them little beside what cloth
and things do. What has the colour of skin, such as a hand, isn't seen, nor what is only dark, such as a black microphone.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.face.embedding import SIDE

Array = NDArray[Any]
APART = 0.4
"""Distance of the logarithms of red and blue over green from which a colour isn't that of the face's skin."""
_BLUR, _DARK = 2.0, 8.0


def hidden_share(faces: NDArray[np.uint8]) -> float:
    """Share in [0, 1] of the skin of upright faces (N, 112, 112, 3) uint8 RGB (`lcvd.face.embedding.aligned`) that
    hasn't the colour most of it has, the mean over the quarter of the frames (at least one) where it is largest."""
    colours = np.stack([_colour(face) for face in faces])[:, _skin()]
    strange = np.linalg.norm(colours - np.median(colours, axis=(0, 1)), axis=-1) > APART
    shares = np.sort(strange.mean(axis=1))
    return float(shares[-max(1, len(shares) // 4) :].mean())


def _colour(face: NDArray[np.uint8]) -> Array:
    """Logarithms (112, 112, 2) of red and blue over green; dark pixels, whose colour is noise, are drawn to grey."""
    smooth = np.log(cv2.GaussianBlur(face, (0, 0), _BLUR).astype(np.float32) + np.float32(_DARK))
    return smooth[..., (0, 2)] - smooth[..., 1:2]


def _skin() -> NDArray[np.bool_]:
    """Where an upright face has skin: an oval without the eyes' band and the mouth."""
    y, x = np.mgrid[:SIDE, :SIDE]
    oval = ((x - 56) / 34) ** 2 + ((y - 64) / 44) ** 2 < 1
    eyes = (y > 42) & (y < 60)
    mouth = (abs(y - 92) < 9) & (abs(x - 56) < 20)
    return oval & ~eyes & ~mouth
