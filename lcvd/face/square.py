"""The square crop of a clip that the model sees: head and shoulders, constant over the clip, inside the frame."""

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.array import Array
from lcvd.face.track import FaceTrack
from lcvd.ledger.rows import ClipError


def square_of(track: FaceTrack, width: int, height: int, scale: float) -> np.ndarray:
    """Return the square crop (x0, y0, side) int32 in pixels of the width x height clip frame.

    The side is `scale` times the median of the longer side of the face's bounding box, but at least large enough to
    contain the face in 98 % of the frames, and at most the frame's shorter side. The margin below the face is slightly
    larger than the one above it.

    Raises:
        ClipError: ``no_face``, no frame has a face.
    """
    if not track.present.any():
        raise ClipError("no_face", "no frame shows a face")
    boxes = track.boxes[track.present]
    lower = np.percentile(boxes[:, :2], 1, axis=0)
    upper = np.percentile(boxes[:, 2:], 99, axis=0)
    face = float(np.median((boxes[:, 2:] - boxes[:, :2]).max(1)))
    side = min(max(scale * face, 1.1 * float((upper - lower).max())), width, height)
    side = int(side) // 2 * 2
    # The bounding box of the landmarks ends at the brows: leave space for hair above, and neck and shoulders below.
    centre = (lower + upper) / 2 + np.array([0.0, 0.03 * face])
    limits = np.array([width - side, height - side])
    corner = np.clip(np.round(centre - side / 2), 0, limits).astype(np.int32)
    return np.array([corner[0], corner[1], side], np.int32)


def to_ndc(points: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Convert clip-frame pixels (..., 2) to NDC of the square: x right, y down, [-1, 1] inside."""
    return 2 * (points - square[:2]) / square[2] - 1


def to_pixels(ndc: np.ndarray, size: int) -> np.ndarray:
    """Convert NDC (..., 2) to pixels of the square resized to `size`."""
    return (ndc + 1) * (size / 2)


def square_pictures(window: Array, square: Array, size: int) -> NDArray[np.uint8]:
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
    picked = ((np.arange(size) + 0.5) * masks.shape[1] / size).astype(int)
    return np.ascontiguousarray(binary[:, picked[:, None], picked[None]])
