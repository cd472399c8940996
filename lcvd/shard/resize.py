"""Read the frames, hints and masks of a sample at a model's size."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.shard.sample import Sample

Frames = NDArray[np.uint8]


def frames_at(sample: Sample, size: int, indices: Sequence[int]) -> Frames:
    """Return the frames `indices` (n, size, size, 3) uint8 RGB, downsampled by area averaging."""
    return _resized(sample.frames(indices), size, cv2.INTER_AREA)


def hints_at(sample: Sample, size: int, indices: Sequence[int]) -> Frames:
    """Return the shading hints `indices` (n, size, size, 3) uint8 RGB."""
    return _resized(sample.hints(indices), size, cv2.INTER_AREA)


def masks_at(sample: Sample, size: int, indices: Sequence[int]) -> Frames:
    """Return the portrait masks `indices` (n, size, size) uint8, 255 on the person, resized by nearest neighbour."""
    return _resized(sample.masks(indices), size, cv2.INTER_NEAREST)


def _resized(images: Frames, size: int, rule: int) -> Frames:
    if images.shape[1] == size:
        return images
    return np.stack([cv2.resize(image, (size, size), interpolation=rule) for image in images])
