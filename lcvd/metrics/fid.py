"""FID's features: the Inception-v3 that was ported from TensorFlow, run and fed by the package torch-fidelity (spec G).

pytorch-fid and clean-fid resize otherwise, so their numbers aren't these; a record names the package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lcvd.metrics.extras import package
from lcvd.weights.registry import require
from lcvd.weights.strict import ModelError, all_finite, read_pickled

NAME = "FID"
WEIGHTS = "inception-v3"
DIM, BATCH = 2048, 16


class Inception:
    """Pooled features of frames, `BATCH` at once.

    Raises:
        ImportError: torch-fidelity isn't installed.
        MissingWeights: its file isn't there.
        ModelError: the file isn't that network.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        fidelity: Any = package("torch_fidelity.feature_extractor_inceptionv3", NAME)
        path = require(WEIGHTS)
        for key, tensor in read_pickled(path).items():  # the package itself would run code that a pickle holds
            if not all_finite(tensor):
                raise ModelError(f"{path}: {key} holds values that aren't finite: the checkpoint is spoilt")
        try:
            network = fidelity.FeatureExtractorInceptionV3(
                "inception-v3-compat", [str(DIM)], feature_extractor_weights_path=str(path)
            )
        except RuntimeError as error:  # load_state_dict's list of keys
            raise ModelError(f"{path}: not torch-fidelity's Inception-v3: {error}") from None
        self._network, self._device = network.to(device), device

    @torch.inference_mode()
    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (T, 2048) of frames (T, H, W, 3) uint8 RGB; the package resizes them to 299 x 299 as TensorFlow 1 did.

        Raises:
            ValueError: other frames.
        """
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8:
            raise ValueError(f"frames are uint8 (T, H, W, 3), found {frames.dtype} {frames.shape}")
        parts = [self._batch(frames[i : i + BATCH]) for i in range(0, len(frames), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, DIM), np.float32)

    def _batch(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        x_BCHW = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).to(self._device)
        features: NDArray[np.float32] = self._network(x_BCHW)[0].float().cpu().numpy()
        return features
