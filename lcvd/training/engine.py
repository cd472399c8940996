"""The DeepSpeed engine of a run: its configuration, optimiser and learning rate (spec B3)."""

from __future__ import annotations

import math
from typing import Any

import deepspeed
import torch
from torch import nn

from lcvd.config.train import OptimiserSettings, TrainSettings
from lcvd.model.objective import Objective

BUCKET = 50_000_000  # elements; ZeRO takes buffers of this size in every backward pass, however small the model


def deepspeed_config(settings: TrainSettings, parameters: int) -> dict[str, Any]:
    """DeepSpeed's JSON configuration of the settings, for a model of so many trainable parameters. Weights, gradients
    and optimiser states are float32; lower precision is the objective's autocast."""
    bucket = min(BUCKET, parameters)
    return {
        "train_micro_batch_size_per_gpu": settings.batch,
        "gradient_accumulation_steps": settings.accumulation,
        "gradient_clipping": settings.optimiser.clip,
        "zero_optimization": {
            "stage": settings.zero,
            "reduce_bucket_size": bucket,
            "allgather_bucket_size": bucket,
        },
        "zero_allow_untested_optimizer": True,  # 8-bit Adam isn't on DeepSpeed's list
        "steps_per_print": 10**9,
    }


def learning_rate(step: int, steps: int, settings: OptimiserSettings) -> float:
    """The rate of optimiser step `step` (from 0) of `steps`: a linear rise, then constant or half a cosine to zero."""
    rise = min(1.0, (step + 1) / (settings.warmup + 1))
    if settings.schedule == "constant":
        return settings.lr * rise
    done = max(0, step - settings.warmup) / max(1, steps - settings.warmup)
    return settings.lr * rise * 0.5 * (1 + math.cos(math.pi * done))


def make_optimiser(parameters: list[nn.Parameter], settings: OptimiserSettings) -> torch.optim.Optimizer:
    """AdamW, or bitsandbytes' 8-bit AdamW.

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
    try:
        from bitsandbytes.optim import AdamW8bit
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "train.optimiser.name is adamw8bit, which needs bitsandbytes: pip install 'lcvd[adam8bit]', or set adamw"
        ) from None
    return AdamW8bit(parameters, **options)


def start_processes() -> None:
    """Join the process group that the environment describes (RANK, WORLD_SIZE, ...)."""
    # DeepSpeed would compile its shared-memory communication for CPUs on first start (34 s, needs a C++ compiler). It
    # waits by spinning, which on few cores takes the time that the other process needs; gloo, without it, sleeps.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(verbose=False)


def make_engine(objective: Objective, settings: TrainSettings) -> deepspeed.DeepSpeedEngine:
    """The engine over the objective's trainable parameters; `start_processes` comes before."""
    parameters = objective.model.trainable()
    engine, _, _, _ = deepspeed.initialize(
        model=objective,
        model_parameters=parameters,
        optimizer=make_optimiser(parameters, settings.optimiser),
        config=deepspeed_config(settings, sum(p.numel() for p in parameters)),
    )
    return engine


def set_rate(engine: deepspeed.DeepSpeedEngine, rate: float) -> None:
    """Use `rate` in the next step."""
    for group in engine.optimizer.param_groups:
        group["lr"] = rate
