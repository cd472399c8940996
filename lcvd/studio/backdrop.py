"""Background of a computer-generated portrait: a blurred room."""

import cv2
import numpy as np

from lcvd.array import Array

_COARSE = 6
LAMPLIGHT = np.array([1.0, 0.9, 0.75])


def backdrop(seed: int, size: int) -> Array:
    """Background (size, size, 3) float32 in [0, 1]: blurred patches of related colours, brighter towards the top, and
    up to five lights."""
    rng = np.random.default_rng([seed, 71])
    tint = rng.uniform(0.86, 1.1, 3)
    tone = rng.uniform(0.18, 0.62) * tint / tint.mean()
    light, hue = rng.standard_normal((_COARSE, _COARSE, 1)), rng.standard_normal((_COARSE, _COARSE, 3))
    patches = tone * np.exp(0.26 * light + 0.03 * hue)
    image = cv2.resize(patches.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    for _ in range(rng.integers(0, 6)):
        centre, radius = rng.uniform(0, 1, 2) * (1, 0.6), rng.uniform(0.03, 0.09)
        disc = np.clip((radius - np.hypot(x - centre[0], y - centre[1])) / 0.012, 0, 1)
        image += disc[..., None] * np.float32(rng.uniform(0.05, 0.16) * LAMPLIGHT)
    blurred = cv2.GaussianBlur(image, (0, 0), size / 40)
    return np.clip(blurred * (1.12 - 0.3 * y)[..., None], 0.02, 0.95)
