"""Reduce jitter in a clip's motion with a One-Euro filter that is run in both directions, so that it has no lag.

The filter of Casiez et al. (2012) smooths slow signals strongly and fast signals weakly. It is run forwards and backwards
over the clip and the results are averaged, which cancels the lag. The clip is padded by point reflection, which continues
ramps.
"""

import math

import numpy as np
from scipy.spatial.transform import Rotation

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import placement, with_placement

TURN_PACE, EXPRESSION_PACE = 0.02, 0.05
PLACE_PACE = np.array([0.01, 0.01, 0.01])
"""Change per frame at which the filter's time constant is halved: in radians, in expression coefficients, and in log scale
and NDC of the square."""
SPEED_FRAMES = 4.0
"""Time constant of the filter of the speed, in frames."""
_REACH = 6


def smooth(codes: FaceCodes, strength: float) -> FaceCodes:
    """Smooth pose, expression, and position and size in the image. Identity, light and crops don't change.

    Args:
        codes: a clip's codes. Camera and crop are smoothed jointly, as the head's position and size in the square, since
            jitter of the crop affects both.
        strength: time constant for slow motion, in frames; 0 changes nothing.

    Raises:
        UsageError: `strength` is negative.
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
    """Smooth values (T, C) over T. Returns float64.

    A column that changes by v per frame has the time constant ``strength / (1 + |v| / pace)`` frames. Except at its first
    and last frames, a ramp passes with a lag of at most 0.05 frames.
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
    """Smooth axis-angle rotations (T, 3) relative to their mean, so that similar rotations have similar vectors."""
    turns = Rotation.from_rotvec(pose)
    mean = turns.mean()
    calm = one_euro((turns * mean.inv()).as_rotvec(), strength, TURN_PACE)
    smoothed: Array = (Rotation.from_rotvec(calm) * mean).as_rotvec().astype(np.float32)
    return smoothed
