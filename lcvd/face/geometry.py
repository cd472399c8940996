"""Projection from model space to the image, with one camera and one crop for every head model (spec C2).

A camera (s, t_x, t_y) projects a head into NDC of a crop. The crop's transform maps the crop to the clip's square crop. The
open head is fitted in the square itself, so its crop is the whole square; DECA's crops follow the face.
"""

import numpy as np

from lcvd.array import Array
from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes

CROP = 224
"""Side of DECA's crop in pixels."""
DEPTH = 10.0
"""Distance added to the projected z."""


def place(vertices: Array, codes: FaceCodes) -> Array:
    """Project posed vertices (T, V, 3) to NDC of the square, float32: x right, y down, smaller z nearer.

    As in the published code, z is that of the crop's camera and isn't rescaled with x and y.
    """
    seen = project(vertices, codes.camera)
    turn, shift = crop_in_square(codes)
    flat = seen[..., :2] @ turn.swapaxes(1, 2) + shift[:, None]
    return np.concatenate([flat, seen[..., 2:]], axis=-1).astype(np.float32)


def project(vertices: Array, camera: Array) -> Array:
    """Project vertices (T, V, 3) from model space to NDC of the crop (weak perspective): x right, y down, smaller z nearer.

    camera (T, 3) is (s, t_x, t_y): x' = s (x + t_x), y' = -s (y + t_y), z' = -s z + 10.
    """
    scale, shift = camera[:, None, :1], camera[:, None, 1:]
    flat = scale * (vertices[..., :2] + shift)
    return np.concatenate([flat[..., :1], -flat[..., 1:], DEPTH - scale * vertices[..., 2:]], axis=-1)


def crop_in_square(codes: FaceCodes) -> tuple[Array, Array]:
    """Return the transform from NDC of each frame's crop to NDC of the square: matrices (T, 2, 2), shifts (T, 2), float64.

    NDC v of the crop is pixel (v / 2 + 1/2) 224, and pixel p of a square of side S is NDC 2 p / S - 1.
    """
    back = np.linalg.inv(codes.crop.astype(np.float64))
    middle, half = back @ [CROP / 2, CROP / 2, 1], back[:, :2, :2] * (CROP / 2)
    unit = 2 / float(codes.square[2])
    return unit * half, unit * middle[:, :2] - 1


def placement(codes: FaceCodes) -> Array:
    """Return scale and position of the head in the square, (T, 3) float64.

    The columns are the log of the scale, in NDC per unit of model space, and x and y of the model's origin in NDC.

    Raises:
        UsageError: a camera's scale isn't positive.
    """
    scale = codes.camera[:, 0].astype(np.float64)
    if not (scale > 0).all():
        t = int(np.argmin(scale))
        raise UsageError(f"face codes: the camera's scale in frame {t} is {scale[t]:.3g}; it must be positive")
    turn, shift = crop_in_square(codes)
    origin = scale[:, None] * codes.camera[:, 1:] * [1, -1]
    at = (turn @ origin[..., None])[..., 0] + shift
    return np.column_stack([np.log(scale) + _log_size(turn), at])


def with_placement(codes: FaceCodes, places: Array) -> FaceCodes:
    """Return codes whose cameras give the heads the scale and position `places` (T, 3) (see `placement`). Crops don't change."""
    turn, shift = crop_in_square(codes)
    scale = np.exp(places[:, 0] - _log_size(turn))
    origin = np.linalg.solve(turn, (places[:, 1:] - shift)[..., None])[..., 0]
    camera = np.column_stack([scale, origin / scale[:, None] * [1, -1]])
    return codes.replace(camera=camera.astype(np.float32))


def _log_size(turn: Array) -> Array:
    """Return the log of the scale factor of similarities (T, 2, 2)."""
    return np.log(np.abs(np.linalg.det(turn))) / 2


def whole_square(square: Array, frames: int) -> Array:
    """Return the crop (T, 3, 3) float32 that covers all of ``square`` = (x0, y0, side), so that both have the same NDC."""
    scale = CROP / float(square[2])
    return np.tile(np.diag([scale, scale, 1.0]).astype(np.float32), (frames, 1, 1))
