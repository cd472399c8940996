"""Motion alignment: transfer a driving clip's motion to a portrait's face (spec C7).

The first frame of the driving clip corresponds to the portrait.

=============  ======================  =====================  =================================
mode           pose                    expression             position and size in the image
=============  ======================  =====================  =================================
track          rotated like driving    driving's              moved and scaled like driving
relative       rotated like driving    driving's              the portrait's (paper, section 8)
relative-code  ref + d_t - d_1         ref + e_t - e_1        the portrait's (published code)
scale          driving's               driving's              the portrait's
self           driving's               driving's              driving's, and its identity
=============  ======================  =====================  =================================

`track` is the default. The paper promises "perfect alignment", but its use of the portrait's camera discards the
translation of the driving head. `track` keeps it.
"""

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import placement, with_placement

DEFAULT = "track"


def align(portrait: FaceCodes, driving: FaceCodes, mode: str = DEFAULT) -> FaceCodes:
    """Return codes of T frames in which the portrait's face moves like the driving face.

    The light is the portrait's; in mode `self` it is the driving clip's.

    Args:
        portrait: codes whose first frame is the portrait.
        driving: codes of T frames of the same head model.
        mode: one of `MODES`.

    Raises:
        UsageError: no such mode, or the codes are of different head models.
    """
    if mode not in MODES:
        raise UsageError(f"motion alignment {mode!r} doesn't exist; choose one of {', '.join(MODES)}")
    if portrait.head != driving.head:
        raise UsageError(
            f"the portrait has codes of {portrait.head}, the driving clip of {driving.head}: reconstruct both with the same "
            "reconstruct.codes"
        )
    moved = MODES[mode](portrait.window([0] * driving.frames), driving)
    return moved.replace(confidence=driving.confidence)


def _relative(still: FaceCodes, driving: FaceCodes) -> FaceCodes:
    """Compose head and jaw rotations as rotations: subtracting axis-angle vectors is correct only for small angles."""
    joints = range(0, driving.pose.shape[1], 3)
    turned = [_turned(*(codes.pose[:, j : j + 3] for codes in (still, driving))) for j in joints]
    return still.replace(pose=np.concatenate(turned, axis=1)).with_expression(driving.expression)


def _turned(still: Array, driving: Array) -> Array:
    change = Rotation.from_rotvec(driving) * Rotation.from_rotvec(driving[0]).inv()
    turned: Array = (change * Rotation.from_rotvec(still)).as_rotvec().astype(np.float32)
    return turned


def _relative_code(still: FaceCodes, driving: FaceCodes) -> FaceCodes:
    moved = still.replace(pose=still.pose + (driving.pose - driving.pose[0]))
    return moved.with_expression(still.expression + (driving.expression - driving.expression[0]))


def _track(still: FaceCodes, driving: FaceCodes) -> FaceCodes:
    """Measure translations in head sizes, so that heads of different size move in proportion to their size."""
    home, there = placement(still), placement(driving)
    size = np.exp(home[0, 0] - there[0, 0])
    change = (there - there[0]) * [1, size, size]
    return with_placement(_relative(still, driving), home + change)


MODES: dict[str, Callable[[FaceCodes, FaceCodes], FaceCodes]] = {
    "track": _track,
    "relative": _relative,
    "relative-code": _relative_code,
    "scale": lambda still, driving: still.replace(pose=driving.pose, expression=driving.expression),
    "self": lambda still, driving: driving,
}
"""Alignment functions by name. Each takes the portrait's codes repeated T times, and the driving clip's codes."""
