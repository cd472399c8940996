"""Detect shot boundaries with PySceneDetect, on the frames that are decoded for face tracking anyway."""

from itertools import pairwise

import cv2
import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import ContentDetector

from lcvd.ledger.tally import timed

_HEIGHT = 144


class ShotDetector:
    """Detects shot boundaries in windows of frames, passed to `update` in order."""

    def __init__(self, fps: float, threshold: float) -> None:
        self._detector = ContentDetector(threshold=threshold, min_scene_len=2)
        self._fps = fps
        self._count = 0
        self._cuts: set[int] = set()

    def update(self, window: np.ndarray) -> None:
        """Process the next frames, (n, H, W, 3) uint8 RGB."""
        scale = min(1.0, _HEIGHT / window.shape[1])
        with timed("shots"):
            for image in window:
                small = (
                    cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
                )
                time = FrameTimecode(self._count, self._fps)
                found = self._detector.process_frame(time, np.ascontiguousarray(small[..., ::-1]))
                self._cuts.update(cut.frame_num for cut in found)
                self._count += 1

    def finish(self) -> list[int]:
        """Return the first frame of each shot except the first shot."""
        return sorted(self._cuts - {0})


def longest_shot(frames: int, cuts: list[int]) -> tuple[int, int]:
    """Return the half-open frame range of the longest shot, the first of equally long ones. `cuts` is from `finish`."""
    edges = [0, *cuts, frames]
    return max(pairwise(edges), key=lambda span: (span[1] - span[0], -span[0]))
