"""LPIPS between consecutive frames, computed by the package lpips: version 0.1, AlexNet (spec G).

The package contains the linear heads. AlexNet's own weights are torchvision's file.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lcvd.metrics.accumulators import PerFrame, in_batches
from lcvd.metrics.base import Array, Device, FrameWindow, Metric, Observer, mean_of
from lcvd.metrics.extras import package
from lcvd.weights.registry import require
from lcvd.weights.strict import load_strict, read_pickled

NAME = "LPIPS"
WEIGHTS = "lpips-alexnet"
BATCH = 8
_TRUNK = "features."


class Lpips:
    """LPIPS of pairs of frames, `BATCH` at once.

    Raises:
        ImportError: lpips isn't installed.
        MissingWeights: AlexNet's file isn't there.
        ModelError: the file isn't AlexNet.
    """

    def __init__(self, device: Device = "cpu") -> None:
        lpips: Any = package("lpips", NAME)
        path = require(WEIGHTS)
        network = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
        # The trunk has torchvision's layer numbers, in five slices. The classifier isn't used.
        wanted = {key.partition(".")[2]: key for key in network.net.state_dict()}
        found = {key.removeprefix(_TRUNK): t for key, t in read_pickled(path).items() if key.startswith(_TRUNK)}
        load_strict(network.net, {wanted.get(key, key): tensor for key, tensor in found.items()}, path, torch.float32)
        self._network, self._device = network.to(device).eval().requires_grad_(False), device

    @torch.inference_mode()
    def __call__(self, first: Array, second: Array) -> Array:
        """Distances (n,) float64 between frames (n, H, W, 3) uint8 RGB, one by one."""
        return in_batches(self._distances, self._device, BATCH, first, second)

    def _distances(self, a_BCHW: Tensor, b_BCHW: Tensor) -> Tensor:
        distances: Tensor = self._network(a_BCHW.float() / 127.5 - 1, b_BCHW.float() / 127.5 - 1)
        return distances.flatten().double()


class AdjacentLpips(PerFrame):
    """Accumulates ``LPIPS`` (T-1,), the distances between consecutive frames. Between windows it keeps one frame."""

    def __init__(self, network: Lpips) -> None:
        super().__init__(NAME, self._distances)
        self._network = network
        self._last: Array | None = None

    def _distances(self, window: FrameWindow) -> Array:
        frames = window.frames if self._last is None else np.concatenate([self._last, window.frames])
        self._last = window.frames[-1:].copy()
        return self._network(frames[:-1], frames[1:])


LPIPS = Metric(
    name=NAME,
    direction="reference",
    meaning="Mean LPIPS distance between consecutive frames (AlexNet, version 0.1).",
    packages=("lcvd", "lpips", "torch"),
    registered=WEIGHTS,
    observer=Observer(NAME, lambda network, _: AdjacentLpips(network), Lpips),
    score=mean_of(NAME),
)
