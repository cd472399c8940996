"""A picture-quality score of a clip from a few of its frames."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch

from lcvd.config.settings import QualitySettings
from lcvd.weights.torchvision_guard import allow_torchvision


def score_frames(images: list[np.ndarray], settings: QualitySettings) -> float | None:
    """Mean score over (H, W, 3) uint8 RGB images; None when the metric is ``none``.

    ``piqe`` runs from 0 (best) to 100 (worst).

    Raises:
        ModuleNotFoundError: pyiqa isn't installed; names the extra.
    """
    if settings.metric == "none" or not images:
        return None
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
            "licence is non-commercial), or set the metric to none"
        ) from None
    return pyiqa.create_metric("piqe", device="cpu")
