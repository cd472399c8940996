"""The default masker: MediaPipe's selfie segmentation, temporally stabilised."""

from __future__ import annotations

import os

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.array import Array

_THRESHOLD = 0.5
_FRESH, _CHANGE, _BLUR = 0.2, 8.0, 5
"""Weight of the new probability at a still pixel; change in grey levels at which the weight is 1; side in pixels of the
box blur before the change is measured."""
_HOLD = 0.05
"""Hysteresis: a pixel's mask changes only if its probability passes the threshold by this much."""
_SPECK = 0.02


class MediaPipe:
    """A masker, see `lcvd.face.masks.base.Masker`. It needs no weights."""

    def weights(self) -> dict[str, str]:
        """Return an empty dictionary."""
        return {}

    def start(self) -> MediaPipeClipMasker:
        """See `Masker`."""
        return MediaPipeClipMasker()


class MediaPipeClipMasker:
    """The masker for one clip. It keeps the last frame, to stabilise the mask's edges."""

    def __init__(self) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")
        from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation  # slow to import

        self._network = SelfieSegmentation(model_selection=0)
        self._steady = Steady()

    def update(self, window: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """See `ClipMasker`."""
        return np.stack([self._mask(image) for image in window])

    def close(self) -> None:
        """Free the network."""
        self._network.close()

    def _mask(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        found = self._network.process(np.ascontiguousarray(image)).segmentation_mask
        return clean(self._steady.update(found, image))


class Steady:
    """Converts soft masks of a clip to binary masks without flicker, using only the current and the previous frame.

    Probabilities p_t are smoothed as s_t = w p_t + (1 - w) s_(t-1). The weight w goes from `_FRESH` at still pixels to 1 at
    pixels that change by `_CHANGE`, so that moving edges don't lag. A pixel's mask changes only if s_t passes the threshold
    by `_HOLD`.
    """

    def __init__(self) -> None:
        self._soft: Array | None = None
        self._blurred: Array | None = None
        self._side: NDArray[np.bool_] | None = None

    def update(self, soft: NDArray[np.float32], image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return the mask (S, S) bool of the next frame, from its probability (S, S) in [0, 1] and image (S, S, 3) uint8."""
        blurred = cv2.blur(np.ascontiguousarray(image), (_BLUR, _BLUR)).astype(np.float32)
        if self._soft is None or self._blurred is None or self._side is None:
            side = soft > _THRESHOLD
        else:
            change = np.abs(blurred - self._blurred).max(-1) / _CHANGE
            weight = _FRESH + (1 - _FRESH) * np.minimum(change, 1)
            soft = weight * soft + (1 - weight) * self._soft
            side = np.where(np.abs(soft - _THRESHOLD) < _HOLD, self._side, soft > _THRESHOLD)
        self._soft, self._blurred, self._side = soft, blurred, side
        return side


def clean(binary: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Fill holes of a mask (H, W) bool and drop parts below 2 % of the largest part's area. Returns uint8 in {0, 255}."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA] if count > 1 else np.zeros(0)
    large = 1 + np.flatnonzero(areas >= _SPECK * areas.max()) if len(areas) else np.zeros(0, int)
    mask = np.isin(labels, large)
    # A hole is a region not connected to the image border. The bottom border doesn't count, because the body crosses it.
    outside = np.pad(~mask, 1, constant_values=True)
    outside[-1] = False
    _, regions = cv2.connectedComponents(outside.astype(np.uint8), connectivity=4)
    filled = ~(regions[1:-1, 1:-1] == regions[0, 0]) | mask
    return np.where(filled, 255, 0).astype(np.uint8)
