"""Jitter: how much a measurement trembles from frame to frame, whatever slow motion lies beneath.

The second difference of a smooth motion is small, that of noise of standard deviation s has sqrt(6) s. Its median tells s,
so that blinks, cuts and gestures, which are few, don't count.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.face.codes import FaceCodes
from lcvd.face.fit import EYE_CORNERS
from lcvd.face.track import FaceTrack

Array = NDArray[Any]
_PER_MEDIAN = 1 / (0.67449 * math.sqrt(6))
"""Standard deviation of noise by the median size of its second difference."""


def jitter(values: Array, there: Array) -> Array | None:
    """Standard deviation (...) of the noise on `values` (T, ...) over time, in their unit.

    Only frames that lie between two others, all three `there` (T,), are looked at; None where there are none.
    """
    steps = np.diff(values.astype(np.float64), 2, axis=0)[there[:-2] & there[1:-1] & there[2:]]
    return np.asarray(np.median(np.abs(steps), axis=0) * _PER_MEDIAN) if len(steps) else None


def landmark_jitter(track: FaceTrack) -> float | None:
    """Of the median landmark's place in the picture, in distances between the outer eye corners."""
    found = jitter(track.landmarks[..., :2], track.present)
    if found is None:
        return None
    corners = track.landmarks[track.present][:, EYE_CORNERS, :2]
    apart = float(np.median(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)))
    return float(np.median(np.linalg.norm(found, axis=-1))) / max(apart, 1e-6)


def pose_jitter(codes: FaceCodes) -> float | None:
    """Of the head's turn, in degrees."""
    found = jitter(codes.pose[:, :3], codes.confidence > 0)
    return None if found is None else float(np.degrees(np.linalg.norm(found)))


def light_jitter(codes: FaceCodes) -> float | None:
    """Of the light's coefficients, relative to its constant ones."""
    found = jitter(codes.light, codes.confidence > 0)
    level = float(np.abs(np.median(codes.light[:, 0], axis=0)).mean())
    return None if found is None else float(np.linalg.norm(found)) / max(level, 1e-6)
