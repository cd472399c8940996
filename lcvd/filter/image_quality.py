"""Image quality score of a clip by the metric in the settings, and the provenance of the score."""

import math
from typing import Any

import numpy as np

from lcvd.config.filter import QualitySettings
from lcvd.filter.scores.registry import QUALITY_SCORES
from lcvd.ledger.rows import ClipError
from lcvd.ledger.tally import timed
from lcvd.video.clip import Clip


def quality_provenance(settings: QualitySettings) -> dict[str, Any]:
    """Return the metric's name, the package that adds it, and everything else that affects its scores.

    Also loads the metric's weights. Call it before the first clip: missing or corrupted weights aren't an error of a clip.

    Raises:
        MissingWeights, ModelError, ModuleNotFoundError: weights or a package of the metric are missing or corrupted.
    """
    name = settings.metric
    return {"metric": name, **QUALITY_SCORES.package(name), **QUALITY_SCORES.get(name).provenance(settings)}


def score_clip(clip: Clip, images: list[np.ndarray], settings: QualitySettings) -> float | None:
    """Score a clip. `images`, each (H, W, 3) uint8 RGB, are evenly spaced frames of it. None if the metric gives no score.

    Raises:
        MissingWeights, ModelError, ModuleNotFoundError: see `quality_provenance`.
        ClipError: `not_finite`, the score is NaN or infinite and could pass every threshold.
    """
    with timed(settings.metric):
        score = QUALITY_SCORES.get(settings.metric).score(clip, images, settings)
    if score is not None and not math.isfinite(score):
        detail = f"{settings.metric} returned {score} (not finite): its weights are corrupted, or overflow on this clip"
        raise ClipError("not_finite", detail)
    return score


def evenly_spaced(frames: int, count: int) -> list[int]:
    """Return the indices of `count` evenly spaced frames out of `frames`."""
    return sorted({int(index) for index in np.linspace(0, frames - 1, min(count, frames)).round()})
