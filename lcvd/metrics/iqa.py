"""IQ: any of pyiqa's no-reference metrics by name; the published numbers are most likely its ``liqe`` (spec G)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lcvd.errors import UsageError
from lcvd.metrics.extras import no_download, package

DEFAULT = "liqe"
BATCH = 4


def name_of(metric: str) -> str:
    """What numbers of pyiqa's `metric` are reported under."""
    return f"IQ({metric})"


def lower_better(metric: str) -> bool:
    """Whether less of pyiqa's `metric` is better.

    Raises:
        ImportError: pyiqa isn't installed.
    """
    configs: Any = package("pyiqa.default_model_configs", name_of(metric))
    return bool(configs.DEFAULT_CONFIGS[metric].get("lower_better", False))


class Iqa:
    """Scores of single frames, `BATCH` at once.

    Raises:
        ImportError: pyiqa isn't installed (its licence is non-commercial).
        MissingWeights: a file that pyiqa would download isn't there; it names the file, its address and its place.
        UsageError: pyiqa has no such metric, or it needs a reference.
    """

    def __init__(self, metric: str = DEFAULT, device: torch.device | str = "cpu") -> None:
        pyiqa: Any = package("pyiqa", name_of(metric))
        if metric not in pyiqa.list_models("NR"):
            raise UsageError(
                f"pyiqa has no no-reference metric {metric!r}; it has {', '.join(pyiqa.list_models('NR'))}"
            )
        with no_download(name_of(metric)):
            self._metric = pyiqa.create_metric(metric, device=torch.device(device))
        self._device = device
        self.lower_better = bool(self._metric.lower_better)

    @torch.inference_mode()
    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Scores (T,) of frames (T, H, W, 3) uint8 RGB, in the metric's own units."""
        parts = [self._batch(frames[i : i + BATCH]) for i in range(0, len(frames), BATCH)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _batch(self, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        x_BCHW = torch.from_numpy(np.ascontiguousarray(frames)).to(self._device).permute(0, 3, 1, 2).float() / 255
        scores: NDArray[np.float64] = self._metric(x_BCHW).flatten().double().cpu().numpy()
        return scores
