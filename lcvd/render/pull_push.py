"""Pull-push inpainting: extend the known pixels of an image smoothly into the unknown ones."""

import cv2
import numpy as np

from lcvd.array import Array

_MIN_WEIGHT = 1e-6


def fill(values: Array, weights: Array) -> Array:
    """Values (H, W, C) float32, kept where `weights` (H, W) in [0, 1] is 1 and extended smoothly where it is 0.

    Weighted means are computed at ever coarser levels until one row or column is left; then each level fills its unknown
    pixels from the coarser level. If no pixel is known, the result is 0.
    """
    values, weights = np.asarray(values, np.float32), np.asarray(weights, np.float32)[..., None]
    height, width, _ = values.shape
    if min(height, width) <= 1:
        return np.where(weights > _MIN_WEIGHT, values, 0)
    known = _half(weights)
    coarse = fill(_half(values * weights) / np.maximum(known, _MIN_WEIGHT), np.minimum(2 * known[..., 0], 1))
    rest = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(values.shape)
    return weights * values + (1 - weights) * rest


def _half(image: Array) -> Array:
    """Blur and halve an image (H, W, C), keeping the channel axis."""
    size = (max(1, image.shape[1] // 2), max(1, image.shape[0] // 2))
    half = cv2.resize(cv2.GaussianBlur(image, (3, 3), 0), size, interpolation=cv2.INTER_AREA)
    return half.reshape(size[1], size[0], image.shape[2])
