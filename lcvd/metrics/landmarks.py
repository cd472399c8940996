"""POSE: distance between the facial landmarks of output and driving video ("AKD" of the pose-evaluation repository, spec G)."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from lcvd.face.deca_crop import FaceAlignment
from lcvd.metrics.accumulators import Collected
from lcvd.metrics.base import Array, Device, FrameWindow, Metric, Observation, Observer, Reference, Score
from lcvd.metrics.extras import no_download, package

SIDE = 256
"""POSE is given in pixels of a frame of this width (spec G)."""


def pose_error(truth: ArrayLike, predicted: ArrayLike, found: ArrayLike | None = None) -> Score:
    """Mean absolute difference per coordinate between landmarks, over frames in which the output shows a face.

    It isn't a Euclidean distance: x and y count as two numbers (spec G).

    Args:
        truth: landmarks (T, K, 2) in pixels; every frame must have them (spec K8).
        predicted: landmarks (T, K, 2) of the output; those of frames without a face are ignored.
        found: (T,) whether the output's landmarks were found; None means in all frames.

    Raises:
        ValueError: the shapes differ, or a true landmark isn't finite.
    """
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if truth.shape != predicted.shape or truth.ndim != 3 or truth.shape[2] != 2:
        raise ValueError(f"landmarks have equal shapes (T, K, 2), found {truth.shape} and {predicted.shape}")
    if not np.isfinite(truth).all():
        raise ValueError("the true landmarks of a frame are missing: leave that frame out of both sets")
    mask = np.ones(len(truth), bool) if found is None else np.asarray(found, bool)
    return Score.mean(np.where(mask, np.abs(truth - predicted).mean(axis=(1, 2)), np.nan))


def mediapipe_landmarks(window: FrameWindow) -> Observation:
    """MediaPipe's ``landmarks`` (n, 478, 2) in pixels, zero in frames without a face, and ``present`` (n,)."""
    return {"landmarks": window.track.landmarks[..., :2], "present": window.track.present}


def landmarks68(window: FrameWindow, find: Callable[[Array], tuple[Array, Array]]) -> Observation:
    """face-alignment's ``points68`` (n, 68, 2) in pixels, zero in frames without a face, and ``present68`` (n,)."""
    return dict(zip(("points68", "present68"), find(window.frames), strict=True))


def _face_alignment(device: Device) -> FaceAlignment:
    package("face_alignment", "POSE")
    with no_download("POSE", lambda _: "checkpoints"):
        return FaceAlignment(str(device))


def _score(points: str, present: str) -> Callable[[Observation, Reference], Score]:
    def score(observation: Observation, reference: Reference) -> Score:
        use, scale = reference.driving[present], SIDE / reference.size
        truth, predicted = (each[points][use] * scale for each in (reference.driving, observation))
        return pose_error(truth, predicted, observation[present][use])

    return score


POSE_OPEN = Metric(
    name="POSE(MediaPipe)",
    direction="lower",
    meaning="Mean absolute difference per coordinate between MediaPipe's facial landmarks of the output and of the driving "
    "frame, in pixels of a 256 px frame, over the frames in which both have a face.",
    weights="face mesh bundled with mediapipe",
    packages=("lcvd", "numpy", "mediapipe"),
    open=True,
    observer=Observer("landmarks", lambda *_: Collected(mediapipe_landmarks)),
    score=_score("landmarks", "present"),
)
POSE = Metric(
    name="POSE",
    direction="lower",
    meaning="Mean absolute difference per coordinate between 68 facial landmarks (face-alignment) of the output and of the "
    "driving frame, in pixels of a 256 px frame.",
    weights="networks of face-alignment",
    packages=("lcvd", "face-alignment", "torch"),
    observer=Observer("points68", lambda find, _: Collected(partial(landmarks68, find=find)), _face_alignment),
    score=_score("points68", "present68"),
)
