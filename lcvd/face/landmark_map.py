"""Landmark maps: line drawings of the face, the input of the published third adapter (spec C6).

Colours are RGB. For the lips, left and right are those of the image; for eyes and brows, those of the person.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.array import Array
from lcvd.face.track import LANDMARKS

Colour = tuple[int, int, int]
PUBLISHED_SIZE, THICKNESS, SQUARE = 512, 2, 6
"""Side of the published map, width of its lines and side of its squares, in pixels."""

LINES: tuple[tuple[Colour, tuple[tuple[int, ...], ...]], ...] = (
    # right eye (lower lid, upper lid), right brow (lower edge, upper edge), then left eye and left brow
    ((10, 200, 180), ((33, 7, 163, 144, 145, 153, 154, 155, 133), (33, 246, 161, 160, 159, 158, 157, 173, 133))),
    ((10, 220, 180), ((46, 53, 52, 65, 55), (70, 63, 105, 66, 107))),
    ((180, 200, 10), ((263, 249, 390, 373, 374, 380, 381, 382, 362), (263, 466, 388, 387, 386, 385, 384, 398, 362))),
    ((180, 220, 10), ((276, 283, 282, 295, 285), (300, 293, 334, 296, 336))),
    # lips: outer bottom, inner bottom, outer top, inner top, each left and right
    ((10, 180, 20), ((61, 146, 91, 181, 84, 17),)),
    ((20, 10, 180), ((17, 314, 405, 321, 375, 291),)),
    ((100, 100, 30), ((78, 95, 88, 178, 87, 14),)),
    ((100, 150, 50), ((14, 317, 402, 318, 324, 308),)),
    ((20, 80, 100), ((61, 185, 40, 39, 37, 0),)),
    ((80, 100, 20), ((0, 267, 269, 270, 409, 291),)),
    ((120, 100, 200), ((78, 191, 80, 81, 82, 13),)),
    ((150, 120, 100), ((13, 312, 311, 310, 415, 308),)),
)
"""Polylines of MediaPipe landmarks by colour, in drawing order."""
SQUARES: tuple[tuple[Colour, int], ...] = (((10, 200, 250), 468), ((250, 200, 10), 473), ((200, 200, 200), 4))
"""Right iris, left iris, tip of the nose."""


def landmark_maps(landmarks: Array, size: int = PUBLISHED_SIZE) -> NDArray[np.uint8]:
    """Draw maps (T, size, size, 3) uint8 RGB on black. Divide by 255 for the adapter's range [0, 1].

    Args:
        landmarks: MediaPipe's 478 points (T, 478, 2 or 3) in pixels of the map. A frame with NaN, which has no face, stays
            black.
        size: side of the map in pixels. Lines and squares scale in proportion to the published ones at 512.

    Raises:
        ValueError: landmarks of another shape.
    """
    if landmarks.ndim != 3 or landmarks.shape[1] != LANDMARKS or landmarks.shape[2] < 2:
        raise ValueError(f"landmarks of shape {landmarks.shape}; expected (T, {LANDMARKS}, 2 or 3) with both irises")
    maps = np.zeros((len(landmarks), size, size, 3), np.uint8)
    for canvas, points in zip(maps, landmarks[..., :2], strict=True):
        if np.isfinite(points).all():
            _draw(canvas, points.astype(int), size / PUBLISHED_SIZE)
    return maps


def _draw(canvas: NDArray[np.uint8], points: NDArray[np.int64], scale: float) -> None:
    thickness = max(1, round(THICKNESS * scale))
    for colour, chains in LINES:
        lines = [points[list(chain)].astype(np.int32) for chain in chains]
        cv2.polylines(canvas, lines, False, colour, thickness)
    side = max(2, round(SQUARE * scale))
    for colour, number in SQUARES:
        corner = points[number] - side // 2
        (x0, y0), (x1, y1) = np.maximum(corner, 0), np.maximum(corner + side, 0)
        canvas[y0:y1, x0:x1] = colour
