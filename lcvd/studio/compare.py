"""Per-frame error of the output of `reconstruct` against the ground truth of a studio clip."""

import numpy as np
from scipy.spatial.transform import Rotation

from lcvd.array import Array
from lcvd.face.codes import FaceCodes
from lcvd.face.fit import EYE_CORNERS
from lcvd.face.geometry import place
from lcvd.face.head import Head, load_head
from lcvd.face.heads import head_of
from lcvd.face.square import square_pictures, to_pixels
from lcvd.render.sh import dominant_direction


def errors(found: FaceCodes, truth: FaceCodes, found_masks: Array, true_masks: Array) -> dict[str, Array]:
    """Errors (T,) of each of T frames, by name:

    - ``pose_deg``: rotation between true and estimated pose, degrees.
    - ``light_deg``: angle between the dominant light directions, degrees.
    - ``coefficient``: relative error of the SH coefficients.
    - ``mask_iou``: intersection over union of the masks (1 is best).
    - ``landmark``: mean landmark distance as a fraction of the distance between the outer eye corners. Five landmarks
      common to both heads are used if the head models differ.

    Args:
        found: estimated face codes of any head model, relative to their own square of the frame.
        truth: true face codes of the open head model; their square is the whole frame.
        found_masks: (T, s, s) uint8 of the estimated square.
        true_masks: (T, S, S) uint8 of the whole frame.

    Raises:
        ValueError: the numbers of frames differ.
    """
    counts = found.frames, truth.frames, len(found_masks), len(true_masks)
    if len(set(counts)) != 1:
        raise ValueError(
            f"found codes, true codes, found masks and true masks have {counts} frames; the numbers must be equal"
        )
    rotation = Rotation.from_rotvec(found.pose[:, :3]) * Rotation.from_rotvec(truth.pose).inv()
    cosine = (dominant_direction(found.light) * dominant_direction(truth.light)).sum(-1)
    points, true_points = (_landmarks(each, common=found.head != truth.head) for each in (found, truth))
    seen, true = found_masks > 127, square_pictures(true_masks, found.square, found_masks.shape[1]) > 127
    length = np.linalg.norm(truth.light, axis=(1, 2))
    return {
        "pose_deg": np.degrees(rotation.magnitude()),
        "light_deg": np.degrees(np.arccos(np.clip(cosine, -1, 1))),
        "coefficient": np.linalg.norm(found.light - truth.light, axis=(1, 2)) / length,
        "mask_iou": (seen & true).sum((1, 2)) / (seen | true).sum((1, 2)),
        "landmark": np.linalg.norm(points - true_points, axis=-1).mean(-1) / _eye_distance(truth),
    }


def _landmarks(codes: FaceCodes, common: bool) -> Array:
    """Positions (T, L, 2) of the mesh's landmarks in frame pixels; `common`: only the five that every head model has."""
    head = head_of(codes.head)
    vertices = head.vertices(codes.identity, codes.expression, codes.pose)
    points = head.landmarks(vertices) if isinstance(head, Head) and not common else head.five_points(vertices)
    return to_pixels(place(points, codes)[..., :2], int(codes.square[2])) + codes.square[:2]


def _eye_distance(codes: FaceCodes) -> Array:
    """Distance (T,) between the outer eye corners of the open head model, in frame pixels."""
    points = load_head(codes.head).landmark_indices.tolist()
    corners = _landmarks(codes, common=False)[:, [points.index(number) for number in EYE_CORNERS]]
    distance: Array = np.linalg.norm(np.subtract(*np.moveaxis(corners, 1, 0)), axis=-1)
    return distance
