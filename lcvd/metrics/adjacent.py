"""``ADJ(EfficientNet-lite0)``: how much the picture changes from one frame to the next.

It plays the part of the published LPIPS between consecutive frames, over other features and in other units. A frozen
video scores 0, so it is read against the driving video's own value: far above it means flicker, far below it means that
the motion is gone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lcvd.metrics.efficientnet import NAME as FEATURES

NAME = f"ADJ({FEATURES})"


def adjacent_distance(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Distance between each frame's features and the next one's, both scaled to unit length.

    Args:
        features: (T, D) of T >= 2 consecutive frames.

    Returns:
        (T-1,) distances from 0 (same) to 2.

    Raises:
        ValueError: fewer than two frames, or a feature isn't finite.
    """
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"features (T, D) of at least 2 consecutive frames are needed, found {features.shape}")
    unit = np.asarray(features, np.float64)
    if not np.isfinite(unit).all():
        raise ValueError("a feature isn't finite")
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    return np.linalg.norm(np.diff(unit, axis=0), axis=1)
