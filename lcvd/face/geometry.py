"""From model space to the picture: one camera and one crop serve every head model (spec C2).

A camera (s, t_x, t_y) projects a head into NDC of a crop; the crop's transform says where the crop lies in the clip's
square. The open head is fitted in the square itself, so its crop is the whole square; DECA's crops follow the face.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.face.codes import FaceCodes

Array = NDArray[Any]
CROP = 224
"""Side of a crop in pixels."""
DEPTH = 10.0
"""Distance added to the projected z."""


def place(vertices: Array, codes: FaceCodes) -> Array:
    """Posed vertices (T, V, 3) in NDC of the square, float32: x right, y down, smaller z nearer.

    z is that of the crop's camera, as published: it isn't rescaled with x and y.
    """
    seen = project(vertices, codes.camera)
    turn, shift = crop_in_square(codes)
    flat = seen[..., :2] @ turn.swapaxes(1, 2) + shift[:, None]
    return np.concatenate([flat, seen[..., 2:]], axis=-1).astype(np.float32)


def project(vertices: Array, camera: Array) -> Array:
    """Weak perspective: model space (T, V, 3) to NDC of the crop, x right, y down, smaller z nearer.

    camera (T, 3) is (s, t_x, t_y): x' = s (x + t_x), y' = -s (y + t_y), z' = -s z + 10.
    """
    scale, shift = camera[:, None, :1], camera[:, None, 1:]
    flat = scale * (vertices[..., :2] + shift)
    return np.concatenate([flat[..., :1], -flat[..., 1:], DEPTH - scale * vertices[..., 2:]], axis=-1)


def crop_in_square(codes: FaceCodes) -> tuple[Array, Array]:
    """What takes NDC of each frame's crop to NDC of the square: matrices (T, 2, 2) and shifts (T, 2), float64.

    NDC v of the crop is its pixel (v / 2 + 1/2) 224, and pixel p of the square's side S is NDC 2 p / S - 1.
    """
    back = np.linalg.inv(codes.crop.astype(np.float64))
    middle, half = back @ [CROP / 2, CROP / 2, 1], back[:, :2, :2] * (CROP / 2)
    unit = 2 / float(codes.square[2])
    return unit * half, unit * middle[:, :2] - 1


def whole_square(square: Array, frames: int) -> Array:
    """The crop (T, 3, 3) float32 that shows all of ``square`` = (x0, y0, side): NDC of both are the same."""
    scale = CROP / float(square[2])
    return np.tile(np.diag([scale, scale, 1.0]).astype(np.float32), (frames, 1, 1))
