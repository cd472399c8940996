"""A clip's image quality, by the score that the settings name, and how it was scored."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lcvd.config.filter import QualitySettings
from lcvd.filter.scores.registry import QUALITY_SCORES
from lcvd.ledger.rows import ClipError
from lcvd.ledger.tally import timed
from lcvd.video.clip import Clip


def protocol(settings: QualitySettings) -> dict[str, Any]:
    """How clips are scored: the score's name, the package that adds it, and all that decides its number. Called before any
    clip, because missing or corrupted weights are no clip's fault.

    Raises:
        MissingWeights, ModelError, ModuleNotFoundError: what the score needs is missing.
    """
    name = settings.metric
    return {"metric": name, **QUALITY_SCORES.package(name), **QUALITY_SCORES.get(name).protocol(settings)}


def score_clip(clip: Clip, images: list[np.ndarray], settings: QualitySettings) -> float | None:
    """Score of a clip, of which `images`, (H, W, 3) uint8 RGB, are a few evenly spaced frames; None if it isn't scored.

    Raises:
        MissingWeights, ModelError, ModuleNotFoundError: as `protocol`.
        ClipError: `not_finite`, the score isn't finite: it would pass every threshold.
    """
    with timed(settings.metric):
        score = QUALITY_SCORES.get(settings.metric).score(clip, images, settings)
    if score is not None and not math.isfinite(score):
        detail = f"{settings.metric} returned {score} (not finite): its weights are corrupted, or overflow on this clip"
        raise ClipError("not_finite", detail)
    return score


def sampled(frames: int, count: int) -> list[int]:
    """Indices of `count` evenly spaced frames out of `frames`."""
    return sorted({int(index) for index in np.linspace(0, frames - 1, min(count, frames)).round()})
