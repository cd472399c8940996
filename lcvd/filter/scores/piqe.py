"""PIQE score of a clip's frames (pyiqa), from 0 (best) to 100 (worst)."""

import functools
from typing import Any

import numpy as np

from lcvd.config.filter import FilterThresholds, QualitySettings
from lcvd.errors import MissingPackage
from lcvd.video.clip import Clip


class Piqe:
    """See `QualityScore`."""

    higher_is_better = False
    top = 100

    def provenance(self, settings: QualitySettings) -> dict[str, Any]:
        """Return the number of frames."""
        return {"frames": settings.frames}

    def score(self, clip: Clip, images: list[np.ndarray], settings: QualitySettings) -> float | None:
        """Return `mean_piqe`, or None without images."""
        return mean_piqe(images) if images else None

    def limit(self, thresholds: FilterThresholds) -> float:
        """See `QualityScore`."""
        return thresholds.max_piqe

    def describe(self, score: float, provenance: dict[str, Any]) -> str:
        """See `QualityScore`."""
        return f"PIQE {score:.1f}"


def mean_piqe(images: list[np.ndarray]) -> float:
    """Return the mean PIQE score, from 0 (best) to 100 (worst), of images (H, W, 3) uint8 RGB.

    Raises:
        ModuleNotFoundError: pyiqa isn't installed. The message names the extra.
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
        raise MissingPackage(
            f"filter.quality.metric 'piqe' needs {error.name}: install the extra (pip install 'lcvd[quality]'; pyiqa's "
            "licence is non-commercial), or set the metric to fastervqa or none"
        ) from None
    return pyiqa.create_metric("piqe", device="cpu")
