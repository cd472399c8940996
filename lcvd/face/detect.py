"""A second opinion where the tracker saw several faces: it takes blurred backgrounds for faces at times."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

_CONFIDENCE = 0.5


def share_with_several(images: Iterable[np.ndarray]) -> float:
    """Share of (H, W, 3) uint8 RGB images in which MediaPipe's full-range detector finds more than one face."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    from mediapipe.python.solutions.face_detection import FaceDetection  # slow to import, and rarely needed

    with FaceDetection(min_detection_confidence=_CONFIDENCE, model_selection=1) as detector:
        counts = [len(detector.process(np.ascontiguousarray(image)).detections or []) for image in images]
    return float(np.mean([count > 1 for count in counts])) if counts else 0.0
