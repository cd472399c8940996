"""Less jitter in a clip's motion: a One-Euro filter, run both ways so that nothing lags.

The filter of Casiez et al. (2012) follows a slow signal loosely and a quick one closely. Codes are of a whole clip, so
it is run forwards and backwards and both are averaged: their lags cancel. The clip's ends are continued by point
reflection, which continues a ramp.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import placement, with_placement

Array = NDArray[Any]
TURN_PACE, EXPRESSION_PACE = 0.02, 0.05
PLACE_PACE = np.array([0.01, 0.01, 0.01])
"""Change a frame at which the filter's time constant is halved: radians, expression coefficients, and log scale and
shift in NDC of the square."""
SPEED_FRAMES = 4.0
"""Time constant of the speed's own filter, in frames."""
_REACH = 6


def smooth(codes: FaceCodes, strength: float) -> FaceCodes:
    """The codes with smoother pose, expression and place in the picture; identity, light and crops stay.

    Args:
        codes: of a clip; camera and crop are smoothed together, as the head's place and size in the square, since a
            crop's jitter is in both.
        strength: time constant in frames of what moves slowly; 0 changes nothing.

    Raises:
        UsageError: a negative strength.
    """
    if strength < 0:
        raise UsageError(f"strength of smoothing is {strength}; it is a number of frames, 0 for none")
    if strength == 0:
        return codes
    turned = [_smooth_turns(codes.pose[:, j : j + 3], strength) for j in range(0, codes.pose.shape[1], 3)]
    calm = codes.replace(pose=np.concatenate(turned, axis=1))
    calm = calm.with_expression(one_euro(codes.expression, strength, EXPRESSION_PACE).astype(np.float32))
    return with_placement(calm, one_euro(placement(codes), strength, PLACE_PACE))


def one_euro(values: Array, strength: float, pace: float | Array) -> Array:
    """Values (T, C) smoothed over T, float64.

    A column that changes by v a frame has time constant ``strength / (1 + |v| / pace)`` frames. A ramp is passed without
    lag once the speed is known: to 0.05 frames of it, after the first and before the last of its frames.
    """
    reach = math.ceil(_REACH * strength)
    padded = np.pad(values.astype(np.float64), ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    both = (_one_way(padded, strength, pace) + _one_way(padded[::-1], strength, pace)[::-1]) / 2
    return both[reach : reach + len(values)]


def _one_way(values: Array, strength: float, pace: float | Array) -> Array:
    out = np.empty_like(values)
    out[0], speed = values[0], np.zeros(values.shape[1])
    for t in range(1, len(values)):
        speed += (values[t] - values[t - 1] - speed) / (1 + SPEED_FRAMES)
        out[t] = out[t - 1] + (values[t] - out[t - 1]) / (1 + strength / (1 + np.abs(speed) / pace))
    return out


def _smooth_turns(pose: Array, strength: float) -> Array:
    """Axis-angle (T, 3) smoothed about the mean turn, where vectors of neighbours are neighbours."""
    turns = Rotation.from_rotvec(pose)
    mean = turns.mean()
    calm = one_euro((turns * mean.inv()).as_rotvec(), strength, TURN_PACE)
    smoothed: Array = (Rotation.from_rotvec(calm) * mean).as_rotvec().astype(np.float32)
    return smoothed
