"""POSE: how far facial landmarks are from where they should be (spec G, "AKD" of the pose-evaluation repository)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class PoseError:
    """`value` in pixels (NaN if no frame had a detection); `frames` compared, `missing` left out."""

    value: float
    frames: int
    missing: int


def pose_error(truth: ArrayLike, predicted: ArrayLike, found: ArrayLike | None = None) -> PoseError:
    """Mean absolute difference per coordinate between landmarks, over frames where the output shows a face.

    It isn't a Euclidean distance: x and y count as two numbers (spec G).

    Args:
        truth: (T, K, 2) landmarks in pixels; every frame must have them (spec K8).
        predicted: (T, K, 2) landmarks in the output; frames that weren't found may hold anything.
        found: (T,) whether the output's landmarks were found; None means everywhere.

    Raises:
        ValueError: the shapes differ, or a true landmark isn't finite.
    """
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if truth.shape != predicted.shape or truth.ndim != 3 or truth.shape[2] != 2:
        raise ValueError(f"landmarks have equal shapes (T, K, 2), found {truth.shape} and {predicted.shape}")
    if not np.isfinite(truth).all():
        raise ValueError("the true landmarks of a frame are missing: leave that frame out of both sets")
    mask = np.ones(len(truth), bool) if found is None else np.asarray(found, bool)
    missing = int((~mask).sum())
    if missing == len(truth):
        return PoseError(float("nan"), 0, missing)
    per_frame = np.abs(truth[mask] - predicted[mask]).mean(axis=(1, 2))
    return PoseError(float(per_frame.mean()), int(mask.sum()), missing)
