"""Fill in what isn't known from what is: a picture's unknown pixels become smooth continuations (pull-push)."""

from __future__ import annotations

import cv2
import numpy as np

from lcvd.array import Array

_LEAST = 1e-6


def fill(values: Array, weights: Array) -> Array:
    """Values (H, W, C) float32, kept where `weights` (H, W) in [0, 1] is 1 and continued smoothly where it is 0.

    Coarser and coarser weighted means are made until one row is left, then each level takes from the coarser one what
    it doesn't know itself. Where nothing at all is known the result is 0.
    """
    values, weights = np.asarray(values, np.float32), np.asarray(weights, np.float32)[..., None]
    height, width, _ = values.shape
    if min(height, width) <= 1:
        return np.where(weights > _LEAST, values, 0)
    known = _half(weights)
    coarse = fill(_half(values * weights) / np.maximum(known, _LEAST), np.minimum(2 * known[..., 0], 1))
    rest = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(values.shape)
    return weights * values + (1 - weights) * rest


def _half(image: Array) -> Array:
    """Blurred and halved, with the channel axis kept."""
    size = (max(1, image.shape[1] // 2), max(1, image.shape[0] // 2))
    half = cv2.resize(cv2.GaussianBlur(image, (3, 3), 0), size, interpolation=cv2.INTER_AREA)
    return half.reshape(size[1], size[0], image.shape[2])
