"""``ID``: cosine of face embeddings, of faces aligned by known points so that no detector decides (spec G).

The published metric uses ArcFace; with SFace the number is reported as ``ID(SFace)``.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

NAME = "ID(SFace)"
SIDE = 112
TARGETS = np.array([(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)])
"""Where the eyes, the nose tip and the mouth's corners (image left before right) go, in pixels of the aligned face."""


def alignment(points: ArrayLike) -> NDArray[np.float64]:
    """Similarity transforms (..., 2, 3) that map five points (..., 5, 2) best onto `TARGETS` (Umeyama's least squares).

    Raises:
        ValueError: another shape, a point that isn't finite, or five points in one place.
    """
    points = np.asarray(points, np.float64)
    if points.shape[-2:] != TARGETS.shape:
        raise ValueError(f"five points (..., 5, 2) are needed, found {points.shape}")
    centre, target_centre = points.mean(axis=-2, keepdims=True), TARGETS.mean(axis=0)
    source, target = points - centre, TARGETS - target_centre
    spread = (source**2).sum(axis=(-2, -1))
    if not np.isfinite(spread).all() or (spread <= 0).any():
        raise ValueError("a face's five points aren't finite or all in one place")
    # In the plane the best rotation and scale are one complex number: sum of target * conj(source) over sum |source|².
    cosine = (source * target).sum(axis=(-2, -1)) / spread
    sine = (source[..., 0] * target[:, 1] - source[..., 1] * target[:, 0]).sum(axis=-1) / spread
    linear = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], axis=-2)
    shift = target_centre - (linear @ centre[..., 0, :, None])[..., 0]
    return np.concatenate([linear, shift[..., None]], axis=-1)


def align(frames: NDArray[np.uint8], points: ArrayLike) -> NDArray[np.uint8]:
    """Aligned faces (T, 112, 112, 3) of frames (T, H, W, 3) with five points (T, 5, 2) in their pixels; bilinear.

    Points use cv2's convention (a pixel's centre has integer coordinates).
    """
    matrices = alignment(points)
    return np.stack([cv2.warpAffine(f, m, (SIDE, SIDE)) for f, m in zip(frames, matrices, strict=True)])


def cosine(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Cosine (...) of embeddings (..., D), broadcast against each other; NaN for an embedding that is all 0."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    product = (a * b).sum(axis=-1)
    return np.divide(product, norms, out=np.full(np.shape(product), np.nan), where=norms > 0)
