"""Motion alignment: a driving clip's motion on a portrait's face (spec C7)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from lcvd.face.codes import FaceCodes


def relative(portrait: FaceCodes, driving: FaceCodes) -> FaceCodes:
    """The portrait's face moving as the driving face does, relative to that clip's first frame.

    Turns are composed as rotations (the published code subtracts axis-angle vectors, which agrees for small ones only);
    expressions are the portrait's plus what changed, kept within [0, 1]. Identity, camera and light stay the
    portrait's, so the driving head's translation isn't followed.

    Args:
        portrait: codes whose first frame is the portrait.
        driving: codes of T frames of the same head model.

    Raises:
        ValueError: the codes are of different head models.
    """
    if portrait.head != driving.head:
        raise ValueError(f"portrait has codes of {portrait.head}, the driving clip of {driving.head}: reconstruct both")
    turns = Rotation.from_rotvec(driving.pose) * Rotation.from_rotvec(driving.pose[0]).inv()
    still = portrait.window([0] * driving.frames)
    return still.replace(
        pose=(turns * Rotation.from_rotvec(portrait.pose[0])).as_rotvec().astype(np.float32),
        expression=np.clip(portrait.expression[0] + driving.expression - driving.expression[0], 0, 1),
        confidence=driving.confidence,
    )
