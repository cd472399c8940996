"""Portrait masks: 255 on the person. The open default is MediaPipe's selfie segmentation."""

from __future__ import annotations

import os

import cv2
import numpy as np

_THRESHOLD = 0.5
_SMOOTHING = 0.6
_SPECK = 0.02


class PortraitMasker:
    """Masks windows of one clip's frames in order; it remembers the last frame's probability, for steady edges."""

    def __init__(self) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")
        from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation  # slow to import

        self._network = SelfieSegmentation(model_selection=0)
        self._last: np.ndarray | None = None

    def update(self, window: np.ndarray) -> np.ndarray:
        """Masks (n, S, S) uint8 in {0, 255} of the next frames (n, S, S, 3) uint8 RGB."""
        return np.stack([self._mask(image) for image in window])

    def close(self) -> None:
        """Free the network."""
        self._network.close()

    def _mask(self, image: np.ndarray) -> np.ndarray:
        raw = self._network.process(np.ascontiguousarray(image)).segmentation_mask
        # Blend with the past where the network is unsure, so that edges don't flicker but motion isn't dragged along.
        if self._last is not None:
            sure = np.clip(np.abs(raw - 0.5) * 2, 0, 1)
            weight = _SMOOTHING + (1 - _SMOOTHING) * sure
            raw = weight * raw + (1 - weight) * self._last
        self._last = raw
        return clean(raw > _THRESHOLD)


def clean(binary: np.ndarray) -> np.ndarray:
    """Fill holes and drop specks below 2 % of the largest part of a (H, W) bool mask; uint8 in {0, 255}."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA] if count > 1 else np.zeros(0)
    large = 1 + np.flatnonzero(areas >= _SPECK * areas.max()) if len(areas) else np.zeros(0, int)
    mask = np.isin(labels, large)
    # What the background can't be reached from, along the border of the padded picture, is a hole. The bottom border
    # isn't background's way in: a body leaves the picture there.
    outside = np.pad(~mask, 1, constant_values=True)
    outside[-1] = False
    _, regions = cv2.connectedComponents(outside.astype(np.uint8), connectivity=4)
    filled = ~(regions[1:-1, 1:-1] == regions[0, 0]) | mask
    return np.where(filled, 255, 0).astype(np.uint8)
