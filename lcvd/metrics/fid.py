"""FID: features of the Inception-v3 ported from TensorFlow, computed by the package torch-fidelity (spec G).

pytorch-fid and clean-fid resize differently, so their values differ. A record names the package.
"""

from typing import Any

import torch

from lcvd.metrics.accumulators import FeatureMoments, in_batches
from lcvd.metrics.base import Array, Device, Metric, Observer
from lcvd.metrics.extras import package
from lcvd.metrics.frechet import FeatureSet
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

    def __init__(self, device: Device = "cpu") -> None:
        fidelity: Any = package("torch_fidelity.feature_extractor_inceptionv3", NAME)
        path = require(WEIGHTS)
        for key, tensor in read_pickled(path).items():  # the package itself would run code in a pickle
            if not all_finite(tensor):
                raise ModelError(f"{path}: {key} holds values that aren't finite: the file is corrupted")
        try:
            network = fidelity.FeatureExtractorInceptionV3(
                "inception-v3-compat", [str(DIM)], feature_extractor_weights_path=str(path)
            )
        except RuntimeError as error:  # load_state_dict's list of keys
            raise ModelError(f"{path}: not torch-fidelity's Inception-v3: {error}") from None
        self._network, self._device = network.to(device), device

    @torch.inference_mode()
    def __call__(self, frames: Array) -> Array:
        """Features (T, 2048) float32 of frames (T, H, W, 3) uint8 RGB; the package resizes them to 299 x 299 like TensorFlow 1.

        Raises:
            ValueError: the frames have another shape or type.
        """
        return in_batches(lambda x_BCHW: self._network(x_BCHW)[0].float(), self._device, BATCH, frames)


FID = Metric(
    name=NAME,
    direction="lower",
    meaning="Fréchet distance between the Inception-v3 features of the outputs' frames and of the driving videos' frames.",
    packages=("lcvd", "torch-fidelity", "torch"),
    registered=WEIGHTS,
    observer=Observer(NAME, lambda network, _: FeatureMoments(NAME, network), Inception),
    features=lambda observation: FeatureSet(observation[NAME]),
)
