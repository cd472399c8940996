"""PIQE of a clip's frames, by pyiqa: from 0 (best) to 100 (worst)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from lcvd.config.filter import FilterThresholds, QualitySettings
from lcvd.video.clip import Clip


class Piqe:
    """See `QualityScore`."""

    higher_is_better = False
    top = 100

    def protocol(self, settings: QualitySettings) -> dict[str, Any]:
        """The number of frames."""
        return {"frames": settings.frames}

    def score(self, clip: Clip, images: list[np.ndarray], settings: QualitySettings) -> float | None:
        """See `score_frames`; None without images."""
        return score_frames(images) if images else None

    def limit(self, thresholds: FilterThresholds) -> float:
        """See `QualityScore`."""
        return thresholds.max_piqe

    def describe(self, score: float, protocol: dict[str, Any]) -> str:
        """See `QualityScore`."""
        return f"PIQE {score:.1f}"


def score_frames(images: list[np.ndarray]) -> float:
    """Mean PIQE over (H, W, 3) uint8 RGB images, from 0 (best) to 100 (worst).

    Raises:
        ModuleNotFoundError: pyiqa isn't installed; names the extra.
    """
    import torch  # slow to import

    metric = _piqe()
    with torch.inference_mode():
        values = [float(metric(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255)) for image in images]
    return float(np.mean(values))


@functools.cache
def _piqe() -> Any:
    from lcvd.weights.torchvision_guard import allow_torchvision

    allow_torchvision()
    try:
        import pyiqa
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"filter.quality.metric 'piqe' needs {error.name}: install the extra (pip install 'lcvd[quality]'; pyiqa's "
            "licence is non-commercial), or set the metric to fastervqa or none"
        ) from None
    return pyiqa.create_metric("piqe", device="cpu")
