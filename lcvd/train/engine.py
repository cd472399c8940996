"""The DeepSpeed engine of a run: its configuration, optimiser, learning rate and averaged weights (spec B3)."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import deepspeed
import torch
from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler
from torch import Tensor, nn

from lcvd.config.train import OptimiserSettings, TrainSettings
from lcvd.model.hf_classes import UNetSpatioTemporalConditionModel
from lcvd.model.lcvd import LCVD
from lcvd.model.objective import Objective

BUCKET = 50_000_000  # elements; ZeRO allocates buffers of this size in every backward pass, even for small models
FIRST_LOSS_SCALE, LOSS_SCALE_WINDOW = 2.0**16, 2000  # the defaults of torch's GradScaler


def deepspeed_config(settings: TrainSettings, parameters: int, *, universal: bool = False) -> dict[str, Any]:
    """Return DeepSpeed's JSON configuration for a model with `parameters` trainable parameters.

    Weights, gradients and optimiser states are float32. Lower precision is used only by the objective's autocast.

    Args:
        universal: whether the checkpoint to resume from was written by another number of processes and was converted.
    """
    engine, bucket = settings.engine, min(BUCKET, parameters)
    zero: dict[str, Any] = {"stage": engine.zero, "reduce_bucket_size": bucket}
    if engine.zero < 3:
        zero["allgather_bucket_size"] = bucket
    else:
        zero |= {"stage3_prefetch_bucket_size": bucket, "stage3_max_reuse_distance": parameters}
    if engine.offload != "none":
        pinned = {"device": "cpu", "pin_memory": torch.cuda.is_available()}
        zero["offload_optimizer"] = pinned
        if engine.offload == "all":
            zero["offload_param"] = pinned
    config: dict[str, Any] = {
        "train_micro_batch_size_per_gpu": settings.batch,
        "gradient_accumulation_steps": settings.accumulation,
        "gradient_clipping": settings.optimiser.clip,
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,  # 8-bit Adam isn't on DeepSpeed's list
        "zero_force_ds_cpu_optimizer": False,  # torch's fused AdamW also runs on the host, and needs no compilation at the start
        "steps_per_print": 10**9,
    }
    return config | ({"checkpoint": {"load_universal": True}} if universal else {})


def learning_rate(step: int, steps: int, settings: OptimiserSettings) -> float:
    """Return the learning rate of step `step` (from 0) of `steps`: linear warm-up, then constant or cosine decay to zero."""
    rise = min(1.0, (step + 1) / (settings.warmup + 1))
    if settings.schedule == "constant":
        return settings.lr * rise
    done = max(0, step - settings.warmup) / max(1, steps - settings.warmup)
    return settings.lr * rise * 0.5 * (1 + math.cos(math.pi * done))


def make_optimiser(parameters: list[nn.Parameter], settings: OptimiserSettings) -> torch.optim.Optimizer:
    """Create AdamW, or bitsandbytes' 8-bit AdamW.

    Raises:
        ModuleNotFoundError: 8-bit Adam is asked for and bitsandbytes isn't installed.
    """
    options: dict[str, Any] = {
        "lr": settings.lr,
        "betas": settings.betas,
        "eps": settings.eps,
        "weight_decay": settings.weight_decay,
    }
    if settings.name == "adamw":
        return torch.optim.AdamW(parameters, fused=True, **options)
    from bitsandbytes.optim import AdamW8bit

    return AdamW8bit(parameters, **options)


def make_engine(objective: Objective, settings: TrainSettings, config: dict[str, Any]) -> deepspeed.DeepSpeedEngine:
    """Create the DeepSpeed engine for the objective's trainable parameters. Call `start_processes` first."""
    recompute(objective.model.unet, settings.engine.checkpointed_levels)
    if settings.engine.compile:
        unet = objective.model.unet
        for block in (*unet.down_blocks, unet.mid_block, *unet.up_blocks):
            block.compile()
    parameters = objective.model.trainable()
    engine, optimiser, _, _ = deepspeed.initialize(
        model=objective,
        model_parameters=parameters,
        optimizer=make_optimiser(parameters, settings.optimiser),
        config=config,
    )
    if settings.precision == "fp16":
        # DeepSpeed's own fp16 mode would store the weights in half precision, unlike the paper. Its optimisers accept any
        # scaler: they unscale before clipping, skip steps that overflow, and checkpoint the scale.
        optimiser.loss_scaler = DynamicLossScaler(
            init_scale=FIRST_LOSS_SCALE,
            scale_window=LOSS_SCALE_WINDOW,
            min_scale=1.0,
            delayed_shift=1,
            consecutive_hysteresis=False,
        )
        optimiser.dynamic_loss_scale = True
    return engine


def recompute(unet: UNetSpatioTemporalConditionModel, levels: int) -> None:
    """Enable activation checkpointing in the `levels` UNet levels of highest resolution.

    These levels have most of the activations, and recomputing them costs the least time per byte.
    """
    unet.enable_gradient_checkpointing()
    for kept in blocks_of_levels(unet)[levels:]:
        for block in kept:
            for module in block.modules():
                if hasattr(module, "gradient_checkpointing"):
                    module.gradient_checkpointing = False  # type: ignore[assignment]


def blocks_of_levels(unet: UNetSpatioTemporalConditionModel) -> list[list[nn.Module]]:
    """Return the UNet's blocks by level, from the highest resolution down. The middle block belongs to the lowest level."""
    levels: list[list[nn.Module]] = [
        [down, up] for down, up in zip(unet.down_blocks, reversed(unet.up_blocks), strict=True)
    ]
    levels[-1].append(unet.mid_block)
    return levels


@contextmanager
def whole_weights(model: LCVD, zero: int) -> Iterator[None]:
    """Context in which every process has the whole model, which ZeRO 3 partitions. Every process must enter it."""
    if zero < 3:
        yield
        return
    with deepspeed.zero.GatheredParameters(list(model.parameters()), modifier_rank=None):
        yield


class Average:
    """Moving averages of parameters, in float32. With a decay of 0 there are no averages and `applied` does nothing."""

    def __init__(self, parameters: list[nn.Parameter], decay: float) -> None:
        self._parameters, self._decay = parameters, decay
        self.values = [p.detach().clone() for p in parameters] if decay else []

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update after optimiser step `step` (from 0). The decay is lower in early steps, to forget the initial weights."""
        if self.values:
            decay = min(self._decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(self.values, [p.detach() for p in self._parameters], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Context in which the parameters are replaced by their averages."""
        kept = [p.detach().clone() for p in self._parameters] if self.values else []
        self._write(self.values)
        try:
            yield
        finally:
            self._write(kept)

    @torch.no_grad()
    def _write(self, values: list[Tensor]) -> None:
        if values:
            torch._foreach_copy_([p.detach() for p in self._parameters], values)


def set_rate(engine: deepspeed.DeepSpeedEngine, rate: float) -> None:
    """Set the learning rate of the next step."""
    for group in engine.optimizer.param_groups:
        group["lr"] = rate
