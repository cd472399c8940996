"""IQ(name): image quality of single frames by any no-reference metric of pyiqa. The published IQ is most likely ``liqe``
(spec G)."""

from typing import Any

import torch

from lcvd.errors import UsageError
from lcvd.metrics.accumulators import PerFrame, in_batches
from lcvd.metrics.base import Array, Device, Metric, Observer, mean_of
from lcvd.metrics.extras import no_download, package

BATCH = 4


class Iqa:
    """Scores of single frames, `BATCH` at once.

    Raises:
        ImportError: pyiqa isn't installed (its licence is non-commercial).
        MissingWeights: a file that pyiqa would download isn't there; the message says where to get it and where to put it.
        UsageError: pyiqa has no such metric, or it needs a reference image.
    """

    def __init__(self, metric: str, device: Device = "cpu") -> None:
        pyiqa: Any = package("pyiqa", f"IQ({metric})")
        if metric not in pyiqa.list_models("NR"):
            raise UsageError(
                f"pyiqa has no no-reference metric {metric!r}; it has {', '.join(pyiqa.list_models('NR'))}"
            )
        with no_download(f"IQ({metric})", lambda path: "clip" if "/clip/" in path else "pyiqa"):
            self._metric = pyiqa.create_metric(metric, device=torch.device(device))
        self._device = device

    @torch.inference_mode()
    def __call__(self, frames: Array) -> Array:
        """Scores (T,) float64 of frames (T, H, W, 3) uint8 RGB, in the metric's own units."""
        return in_batches(
            lambda x_BCHW: self._metric(x_BCHW.float() / 255).flatten().double(), self._device, BATCH, frames
        )


def iq(name: str) -> Metric:
    """The metric ``IQ(name)``.

    Raises:
        ImportError: pyiqa isn't installed.
    """
    metric = name[3:-1]
    configs: Any = package("pyiqa.default_model_configs", name)
    return Metric(
        name=name,
        direction="lower" if configs.DEFAULT_CONFIGS.get(metric, {}).get("lower_better") else "higher",
        meaning=f"Image quality of single frames by pyiqa's {metric}, in that metric's own units.",
        weights="networks of pyiqa",
        packages=("lcvd", "pyiqa", "torch"),
        observer=Observer(
            name,
            lambda network, _: PerFrame(name, lambda window: network(window.frames)),
            lambda device: Iqa(metric, device),
        ),
        score=mean_of(name),
    )
