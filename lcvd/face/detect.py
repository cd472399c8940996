"""Faces in single images, by MediaPipe's full-range detector.

The tracker sometimes takes a blurred background for a face; this detector confirms its further faces.
"""

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from lcvd.array import Array

_CONFIDENCE = 0.5


def faces_in(image: Array) -> Array:
    """Boxes (n, 4) float64 (x0, y0, x1, y1) in pixels of the faces in an image (H, W, 3) uint8 RGB, from left to right."""
    height, width = image.shape[:2]
    (found,) = _detections([image])
    boxes = [one.location_data.relative_bounding_box for one in found]
    corners = [(box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height) for box in boxes]
    ordered = sorted(corners, key=lambda box: box[0] + box[2])
    scaled: Array = np.array(ordered, float).reshape(-1, 4) * [width, height, width, height]
    return scaled


def share_with_several(images: Iterable[Array]) -> float:
    """Fraction of images (H, W, 3) uint8 RGB with more than one face; 0 without images."""
    counts = [len(found) for found in _detections(images)]
    return float(np.mean([count > 1 for count in counts])) if counts else 0.0


def _detections(images: Iterable[Array]) -> Iterator[list[Any]]:
    os.environ.setdefault("GLOG_minloglevel", "2")
    from mediapipe.python.solutions.face_detection import FaceDetection  # slow to import, and rarely needed

    with FaceDetection(min_detection_confidence=_CONFIDENCE, model_selection=1) as detector:
        for image in images:
            yield list(detector.process(np.ascontiguousarray(image)).detections or [])
