"""The picture-quality score of a clip, by whichever metric the settings name, and how it was made."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch

from lcvd.config.filter import QualitySettings
from lcvd.ledger.rows import ClipError
from lcvd.ledger.tally import timed
from lcvd.video.clip import Clip
from lcvd.vqa.fastervqa import WEIGHTS
from lcvd.vqa.score import open_network, scores, video_of
from lcvd.weights.registry import fingerprint
from lcvd.weights.torchvision_guard import allow_torchvision


def protocol(settings: QualitySettings) -> dict[str, Any]:
    """How clips are scored: the metric, and all that decides its number. Called before any clip, because a network
    that isn't there, or is spoilt, is no clip's fault.

    Raises:
        MissingWeights, ModelError: see `lcvd.vqa.score.open_network`.
    """
    if settings.metric == "fastervqa":
        open_network()
        decisive = settings.model_dump(include={"metric", "sampling", "seed", "draws"})
        return {**decisive, "weights": fingerprint(WEIGHTS)}
    return {"metric": settings.metric} | ({"frames": settings.frames} if settings.metric == "piqe" else {})


def score_clip(clip: Clip, images: list[np.ndarray], settings: QualitySettings) -> float | None:
    """Score of a clip, of which `images`, (H, W, 3) uint8 RGB, are a few evenly spaced frames; None with metric ``none``.

    ``fastervqa`` runs from 0 (worst) to 1 (best) and decodes the frames it looks at; one clip at a time, so
    that no bit of a score depends on the clips beside it. ``piqe`` is the mean
    over `images`, from 0 (best) to 100 (worst).

    Raises:
        ModuleNotFoundError: pyiqa isn't installed; names the extra.
        MissingWeights, ModelError: as `protocol`.
        ClipError: `not_finite`, the score is no number: it would pass every threshold.
    """
    score = None
    with timed(settings.metric):
        if settings.metric == "fastervqa":
            score = scores([video_of(clip)], settings)[0]
        elif settings.metric == "piqe" and images:
            score = score_frames(images)
    if score is not None and not math.isfinite(score):
        detail = f"{settings.metric} says {score}: the metric's weights don't bear this clip, or are spoilt"
        raise ClipError("not_finite", detail)
    return score


def score_frames(images: list[np.ndarray]) -> float:
    """Mean PIQE over (H, W, 3) uint8 RGB images, from 0 (best) to 100 (worst).

    Raises:
        ModuleNotFoundError: pyiqa isn't installed; names the extra.
    """
    metric = _piqe()
    with torch.inference_mode():
        values = [float(metric(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255)) for image in images]
    return float(np.mean(values))


def sampled(frames: int, count: int) -> list[int]:
    """Indices of `count` evenly spaced frames out of `frames`."""
    return sorted({int(index) for index in np.linspace(0, frames - 1, min(count, frames)).round()})


@functools.cache
def _piqe() -> Any:
    allow_torchvision()
    try:
        import pyiqa
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"filter.quality.metric 'piqe' needs {error.name}: install the extra (pip install 'lcvd[quality]'; pyiqa's "
            "licence is non-commercial), or set the metric to fastervqa or none"
        ) from None
    return pyiqa.create_metric("piqe", device="cpu")
