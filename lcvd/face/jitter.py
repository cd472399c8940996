"""Temporal jitter: the standard deviation of frame-to-frame noise, independent of slow motion.

The second difference of smooth motion is small; that of noise with standard deviation s has standard deviation sqrt(6) s.
s is estimated from the median of the absolute second difference, so that few blinks, cuts and gestures have no influence.
"""

import math

import numpy as np

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.fit import EYE_CORNERS
from lcvd.face.track import FaceTrack

_PER_MEDIAN = 1 / (0.67449 * math.sqrt(6))
"""Ratio of the noise's standard deviation to the median absolute second difference."""


def jitter(values: Array, there: Array) -> Array | None:
    """Return the standard deviation (...) of the temporal noise of `values` (T, ...), in their unit.

    Only runs of three consecutive frames that are `there` (T,) are used. None if there are none.
    """
    steps = np.diff(values.astype(np.float64), 2, axis=0)[there[:-2] & there[1:-1] & there[2:]]
    return np.asarray(np.median(np.abs(steps), axis=0) * _PER_MEDIAN) if len(steps) else None


def landmark_jitter(track: FaceTrack) -> float | None:
    """Return the jitter of the median landmark's image position, as a fraction of the inter-ocular distance (outer eye corners)."""
    found = jitter(track.landmarks[..., :2], track.present)
    if found is None:
        return None
    corners = track.landmarks[track.present][:, EYE_CORNERS, :2]
    apart = float(np.median(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)))
    return float(np.median(np.linalg.norm(found, axis=-1))) / max(apart, 1e-6)


def pose_jitter(codes: FaceCodes) -> float | None:
    """Return the jitter of the head rotation, in degrees."""
    found = jitter(codes.pose[:, :3], codes.confidence > 0)
    return None if found is None else float(np.degrees(np.linalg.norm(found)))


def light_jitter(codes: FaceCodes) -> float | None:
    """Return the jitter of the SH light coefficients, as a fraction of the constant coefficients."""
    found = jitter(codes.light, codes.confidence > 0)
    level = float(np.abs(np.median(codes.light[:, 0], axis=0)).mean())
    return None if found is None else float(np.linalg.norm(found)) / max(level, 1e-6)
