"""The clip's square as pictures of one size: what masks, light and training samples are made from."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def square_pictures(window: NDArray[Any], square: NDArray[Any], size: int) -> NDArray[np.uint8]:
    """Cut ``square`` = (x0, y0, side) from frames (n, H, W, 3) uint8 and resize: (n, size, size, 3) uint8.

    Shrinking averages over the area, so nothing aliases; enlarging uses Lanczos.

    Raises:
        ValueError: the square leaves the frame.
    """
    x0, y0, side = (int(value) for value in square)
    height, width = window.shape[1:3]
    if side < 1 or x0 < 0 or y0 < 0 or x0 + side > width or y0 + side > height:
        raise ValueError(f"square {x0}, {y0}, side {side} leaves the frame of {width} x {height}")
    cut = window[:, y0 : y0 + side, x0 : x0 + side]
    if side == size:
        return np.ascontiguousarray(cut)
    how = cv2.INTER_AREA if side > size else cv2.INTER_LANCZOS4
    return np.stack([cv2.resize(np.ascontiguousarray(image), (size, size), interpolation=how) for image in cut])


def resize_masks(masks: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Masks (n, S, S) to (n, size, size): binary at half, then nearest, so that they stay 0 or 255 (spec A6)."""
    binary = np.where(masks > 127, np.uint8(255), np.uint8(0))
    # The pixel whose area holds the new pixel's centre.
    places = ((np.arange(size) + 0.5) * masks.shape[1] / size).astype(int)
    return np.ascontiguousarray(binary[:, places[:, None], places[None]])
