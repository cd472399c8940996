"""Estimate the memory of a training process by part, without allocating it.

Parameters and optimiser states are counted exactly. The activations that autograd would keep are determined by running
the UNet on fake tensors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from lcvd.config.train import ModelSettings, TrainSettings
from lcvd.model.adapter import Adapter
from lcvd.model.hf_classes import AutoencoderKL, CLIPVisionModelWithProjection, UNetSpatioTemporalConditionModel
from lcvd.model.image_token import vision_config
from lcvd.model.init_weights import unet_config
from lcvd.model.latents import TINY
from lcvd.model.objective import AUTOCAST
from lcvd.train.engine import BUCKET, recompute
from lcvd.train.flops import meta_unet, unet_inputs

SCALED_BLOCK = 256  # number of 8-bit Adam values that share a float32 scale
PUBLISHED_VAE = 83_650_000  # parameters of sd-vae-ft-mse, whose configuration isn't included (spec A4)


@dataclass(frozen=True)
class Counts:
    """Number of trainable parameters, and of parameters of the frozen networks."""

    trainable: int
    frozen: int


def counts(settings: ModelSettings) -> Counts:
    """Count the parameters of a model without allocating it."""
    with torch.device("meta"):
        adapter = Adapter(settings.unet.channels[0])
        encoder = CLIPVisionModelWithProjection(vision_config(settings.image_encoder))
        tiny = AutoencoderKL.from_config(AutoencoderKL.load_config(TINY))
    vae = _size(tiny) if settings.latents.autoencoder == "tiny" else PUBLISHED_VAE
    trainable = _size(meta_unet(settings)) + len(settings.conditions) * _size(adapter)
    return Counts(trainable, vae + _size(encoder))


def activations(settings: TrainSettings) -> int:
    """Return the bytes that the UNet's forward pass of one micro-step keeps for the backward pass.

    They are activations and low-precision copies of weights. Checkpointed levels count with their inputs and their largest
    part. Measured on fake tensors; the tensors kept by CPU kernels are assumed to equal those kept by GPU kernels.
    """
    kept, largest = _Kept(), [0]
    lower = AUTOCAST.get(settings.precision)
    with FakeTensorMode(), torch.autocast("cpu", lower, enabled=lower is not None):
        unet = UNetSpatioTemporalConditionModel(**unet_config(settings.model)).train()
        recompute(unet, settings.engine.checkpointed_levels)
        own = {_storage(p) for p in unet.parameters()}
        for module in unet.modules():
            if hasattr(module, "gradient_checkpointing"):
                module._gradient_checkpointing_func = _counting(kept, largest, own)  # type: ignore[assignment]
        with torch.autograd.graph.saved_tensors_hooks(kept.pack, lambda tensor: tensor):
            unet(*unet_inputs(settings.model, settings.batch, "cpu"), return_dict=False)
        return kept.bytes(own) + largest[0]


class _Kept:
    """Tensors kept for the backward pass, by storage."""

    def __init__(self) -> None:
        self._tensors: dict[int, Tensor] = {}

    def pack(self, tensor: Tensor) -> Tensor:
        self._tensors[_storage(tensor)] = tensor
        return tensor

    def bytes(self, but: set[int]) -> int:
        return sum(t.untyped_storage().nbytes() for key, t in self._tensors.items() if key not in but)


def _counting(kept: _Kept, largest: list[int], own: set[int]) -> Callable[..., Any]:
    """Return a substitute for `torch.utils.checkpoint` that keeps a part's inputs and counts what the part would keep."""

    def run(part: nn.Module, *inputs: Any) -> Any:
        for each in inputs:
            if isinstance(each, Tensor):
                kept.pack(each)
        inside = _Kept()
        with torch.autograd.graph.saved_tensors_hooks(inside.pack, lambda tensor: tensor):
            output = part(*inputs)
        largest[0] = max(largest[0], inside.bytes(own))
        return output

    return run


def parts(settings: TrainSettings, count: Counts, kept: int) -> dict[str, float]:
    """Return the bytes on one GPU by part. `kept` is from `activations`; `host` is one process's offloaded host memory.

    Weights, gradients and AdamW's two states are float32. ZeRO's optimiser keeps a copy of the weights that it updates.
    """
    engine, optimiser, world = settings.engine, settings.optimiser, settings.world
    share = {stage: 1 / world if engine.zero >= stage else 1.0 for stage in (1, 2, 3)}
    weight = 4.0 * count.trainable
    states = weight * 2 if optimiser.name == "adamw" else 2 * count.trainable * (1 + 4 / SCALED_BLOCK)
    held = (states + (weight if engine.zero else 0.0)) * share[1]
    found = {
        "weights": weight * share[3] + 4.0 * count.frozen * share[3],
        "gradients": weight * share[2],
        "optimiser": held,
        "averages": weight if optimiser.ema else 0.0,
        "buckets": (0 if engine.zero == 0 else 2 if engine.zero < 3 else 3) * 4.0 * min(BUCKET, count.trainable),
        "activations": float(kept),
        "host": 0.0,
    }
    if engine.offload != "none":
        found |= {"optimiser": 0.0, "gradients": 0.0, "host": held + weight * share[2]}
    if engine.offload == "all":
        found |= {"weights": 0.0, "host": found["host"] + weight * share[3]}
    return found


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
