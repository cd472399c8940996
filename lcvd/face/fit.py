"""Fit the open head model to a clip's landmarks: one identity, and expression, pose and camera for every frame."""

import numpy as np
from scipy.spatial.transform import Rotation

from lcvd.config.reconstruct import FitSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place, whole_square
from lcvd.face.head import Head
from lcvd.face.problem import Array, Problem, State, problem_of, residuals
from lcvd.face.solve import solve
from lcvd.face.track import FaceTrack
from lcvd.ledger.rows import ClipError

EYE_CORNERS = (33, 263)
"""MediaPipe's landmarks of the outer eye corners."""


def fit_track(
    track: FaceTrack,
    square: Array,
    head: Head,
    settings: FitSettings,
    *,
    identity: Array | None = None,
    only: Array | None = None,
) -> FaceCodes:
    """Fit a clip and return its codes, in NDC of `square` (x0, y0, side), with light set to zero.

    For held-out tests, `identity` (K,) fixes the identity instead of fitting it, and `only` selects the head's landmarks
    that are used.

    Frames without a face are interpolated and have confidence 0. The confidence of the others decreases with the RMS
    distance of the landmarks from the fitted head: 1 / (1 + (rms / `settings.doubt`)^2). Memory: 40 kB per frame.

    Raises:
        ClipError: no frame has a face (`no_face`).
    """
    if not track.present.any():
        raise ClipError("no_face", "no frame has a face to fit the head to; the filter should have dropped this clip")
    problem = problem_of(head, track, np.asarray(square), settings, only)
    return _codes(head, problem, solve(problem, settings, identity), np.asarray(square), settings)


def landmark_error(codes: FaceCodes, track: FaceTrack, head: Head, only: Array | None = None) -> Array:
    """Return the mean distance (T',) of the fitted head's landmarks from the track's, in the T' frames with a face.

    It is a fraction of the inter-ocular distance (outer eye corners). `only` selects some of the head's landmarks.
    """
    pick = np.arange(len(head.landmark_indices)) if only is None else only
    seen = codes.window(np.flatnonzero(track.present))
    points = track.landmarks[track.present][..., :2]
    marks = head.landmarks(head.vertices(codes.identity, seen.expression, seen.pose))
    gap = (place(marks, seen)[..., :2] + 1) * codes.square[2] / 2 + codes.square[:2] - points[:, head.landmark_indices]
    # The inter-ocular distance in 3-D: its projection would shrink, and the error grow, when the head turns.
    eyes = np.flatnonzero(np.isin(head.landmark_indices, EYE_CORNERS))
    shape = head.landmarks(head.shape(codes.identity, seen.expression[:1]))[0, eyes]
    unit = np.linalg.norm(shape[1] - shape[0]) * seen.camera[:, 0] * codes.square[2] / 2
    error: Array = np.linalg.norm(gap[:, pick], axis=-1).mean(1) / unit
    return error


def _codes(head: Head, problem: Problem, state: State, square: Array, settings: FitSettings) -> FaceCodes:
    _, gap = residuals(problem, state)
    rms = np.sqrt((gap[..., :2] ** 2).sum(-1) @ (problem.weights * problem.anchored))
    expression = np.zeros((len(rms), len(head.expression_names)), np.float32)
    expression[:, problem.free] = state.expression
    scale = state.scale * problem.unit
    camera = np.column_stack([scale, problem.unit * state.shift / scale[:, None]])
    return FaceCodes(
        head=head.name,
        identity=state.identity.astype(np.float32),
        expression=expression,
        pose=Rotation.from_matrix(state.turn).as_rotvec().astype(np.float32),
        camera=camera.astype(np.float32),
        crop=whole_square(square, len(rms)),
        light=np.zeros((len(rms), 9, 3), np.float32),
        square=square.astype(np.int32),
        confidence=(problem.present / (1 + (rms / settings.doubt) ** 2)).astype(np.float32),
    )
