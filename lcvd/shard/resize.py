"""Pictures of samples at the size that a model works at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.shard.sample import Sample

Frames = NDArray[np.uint8]


def frames_at(sample: Sample, size: int, indices: Sequence[int]) -> Frames:
    """Frames `indices` (n, size, size, 3) uint8 RGB, averaged over areas where the sample's are larger."""
    return _resized(sample.frames(indices), size, cv2.INTER_AREA)


def hints_at(sample: Sample, size: int, indices: Sequence[int]) -> Frames:
    """Shading hints (n, size, size, 3) uint8 RGB."""
    return _resized(sample.hints(indices), size, cv2.INTER_AREA)


def masks_at(sample: Sample, size: int, indices: Sequence[int]) -> Frames:
    """Portrait masks (n, size, size) uint8, 255 on the person, nearest pixels."""
    return _resized(sample.masks(indices), size, cv2.INTER_NEAREST)


def _resized(pictures: Frames, size: int, rule: int) -> Frames:
    if pictures.shape[1] == size:
        return pictures
    return np.stack([cv2.resize(picture, (size, size), interpolation=rule) for picture in pictures])
