"""Draw landmarks and meshes on images, for contact sheets and for visual inspection of a fit."""

import cv2
import numpy as np

_SHIFT = 4  # cv2 draws with a resolution of 1/16 pixel
GREEN, CYAN = (90, 255, 120), (90, 220, 255)


def draw_points(
    image: np.ndarray, points: np.ndarray, colour: tuple[int, int, int] = GREEN, radius: int = 1
) -> np.ndarray:
    """Return a copy of `image` (H, W, 3) uint8 with a dot at each of `points` (N, 2) px."""
    canvas = np.ascontiguousarray(image).copy()
    for x, y in np.round((points[:, :2] - 0.5) * 2**_SHIFT).astype(int):
        cv2.circle(canvas, (int(x), int(y)), radius * 2**_SHIFT, colour, -1, cv2.LINE_AA, _SHIFT)
    return canvas


def draw_mesh(
    image: np.ndarray, points: np.ndarray, faces: np.ndarray, colour: tuple[int, int, int] = CYAN, strength: float = 0.6
) -> np.ndarray:
    """Return a copy of `image` (H, W, 3) uint8 with the edges of a mesh's front-facing triangles.

    `points` (V, 2 or 3) px, y down; `faces` (F, 3), counter-clockwise when seen from outside.
    """
    corners = points[faces, :2]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    front = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] < 0
    lines = np.round((corners[front] - 0.5) * 2**_SHIFT).astype(np.int32)
    canvas = np.ascontiguousarray(image).copy()
    cv2.polylines(canvas, list(lines), True, colour, 1, cv2.LINE_AA, _SHIFT)
    return cv2.addWeighted(canvas, strength, np.ascontiguousarray(image), 1 - strength, 0)
