"""Peak memory of sampling with the full-size model, counted on fake tensors: nothing is computed or allocated.

Counts weights (UNet, two adapters, image encoder, autoencoder), a call of the UNet with two rows (one window of 16 frames under
two sets of conditions), and decoding 8 frames, in float32 and in float16. Adapter features of the clip (2.6 MB per frame and adapter in
float16) and the allocator's fragmentation aren't included. `ratio` is the peak in float32 divided by that in float16.
"""

import json
import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.clock import command_line
from benchmarks.full_size import SD_VAE
from lcvd.config.train import ModelSettings
from lcvd.model.adapter import Adapter
from lcvd.model.hf_classes import AutoencoderKL, CLIPVisionModelWithProjection, UNetSpatioTemporalConditionModel
from lcvd.model.image_token import vision_config
from lcvd.model.init_weights import unet_config
from lcvd.train.flops import unet_inputs

ROWS, DECODED = 2, 8


class LiveBytes(TorchDispatchMode):
    """Bytes of the tensors that exist, and their peak."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._sizes: dict[int, int] = {}

    def add(self, tensor: Tensor) -> None:
        """Count a tensor's storage until it is freed."""
        storage = tensor.untyped_storage()
        if (key := storage._cdata) not in self._sizes:
            self._sizes[key] = storage.nbytes()
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._free, key)

    def _free(self, key: int) -> None:
        self.now -= self._sizes.pop(key, 0)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and count its results."""
        results = func(*args, **(kwargs or {}))
        for each in tree_leaves(results):
            if isinstance(each, Tensor):
                self.add(each)
        return results


def sampling_peak(dtype: torch.dtype) -> dict[str, float]:
    """Gigabytes of the weights, and peaks of the UNet's call and of decoding, weights included."""
    settings, before = ModelSettings(), torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.inference_mode(), FakeTensorMode(), LiveBytes() as live:
            unet = UNetSpatioTemporalConditionModel(**unet_config(settings)).eval()
            vae = AutoencoderKL(**SD_VAE).eval()
            others = [Adapter(settings.unet.channels[0]) for _ in settings.conditions]
            others.append(CLIPVisionModelWithProjection(vision_config(settings.image_encoder)))
            networks: list[nn.Module] = [unet, vae, *others]
            for tensor in (each for network in networks for each in (*network.parameters(), *network.buffers())):
                live.add(tensor)
            found = {"weights": live.now / 1e9}
            live.peak = live.now
            unet(*unet_inputs(settings, ROWS, "cpu"), return_dict=False)
            found["unet"], live.peak = live.peak / 1e9, live.now
            vae.decode(torch.zeros(DECODED, settings.latents.channels, settings.size // 8, settings.size // 8))
            found["decode"] = live.peak / 1e9
    finally:
        torch.set_default_dtype(before)
    return {name: round(value, 2) for name, value in found.items()}


def main() -> None:
    """Command line."""
    options = command_line(__doc__).parse_args()
    found = {"fp32_gb": sampling_peak(torch.float32), "fp16_gb": sampling_peak(torch.float16)}
    if not options.json:
        for name, values in found.items():
            print(f"{name}: " + ", ".join(f"{part} {value:.2f}" for part, value in values.items()))
    peaks = [max(values.values()) for values in found.values()]
    print(json.dumps({"benchmark": "sampling_memory", **found, "ratio": round(peaks[0] / peaks[1], 2)}, sort_keys=True))


if __name__ == "__main__":
    main()
