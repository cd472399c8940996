"""The work of a training step, counted on shapes alone: nothing is computed, and the full-size model takes no memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from lcvd.config.train import ModelSettings, TrainSettings
from lcvd.model.adapter import Adapter
from lcvd.model.hf_classes import UNetSpatioTemporalConditionModel
from lcvd.model.init_weights import unet_config


@dataclass(frozen=True)
class Work:
    """Floating-point operations (a multiplication and an addition are two) of one clip's forward pass."""

    unet: float
    levels: tuple[float, ...]
    """Of `unet`, what the blocks of each level take, from the largest pictures down."""
    adapters: float

    def step(self, checkpointed_levels: int) -> float:
        """Forward and backward of one clip; the backward pass is twice the forward, and what isn't kept is computed again."""
        return 3 * (self.unet + self.adapters) + sum(self.levels[:checkpointed_levels])


def meta_unet(settings: ModelSettings) -> UNetSpatioTemporalConditionModel:
    """The UNet of the settings without memory."""
    with torch.device("meta"):
        unet = UNetSpatioTemporalConditionModel(**unet_config(settings))
    return unet.to("meta")  # some of its constants are made on the CPU, whatever the device


def unet_inputs(settings: ModelSettings, batch: int = 1, device: str = "meta") -> tuple[torch.Tensor, ...]:
    """Arguments of the UNet: latents, noise level, image token, time ids."""
    side = settings.size // 8
    with torch.device(device):
        return (
            torch.zeros(batch, settings.frames, 2 * settings.latents.channels, side, side),
            torch.zeros(batch),
            torch.zeros(batch, 1, settings.image_encoder.projection),
            torch.zeros(batch, 3),
        )


def work_of(settings: ModelSettings) -> Work:
    """Count a clip's forward pass."""
    unet = meta_unet(settings)
    with torch.no_grad(), FlopCounterMode(display=False, depth=3) as counter:
        unet(*unet_inputs(settings))
    table = {name: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    top, blocks = type(unet).__name__, len(settings.unet.channels)

    def part(name: str) -> float:
        return float(table.get(f"{top}.{name}", 0))

    levels = [part(f"down_blocks.{i}") + part(f"up_blocks.{blocks - 1 - i}") for i in range(blocks)]
    levels[-1] += part("mid_block")
    with torch.device("meta"):
        adapter = Adapter(settings.unet.channels[0])
        pictures = torch.zeros(1, settings.frames, 3, settings.size, settings.size)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        adapter(pictures)  # the reference adapter sees one frame of as many; its work is counted as nothing
    return Work(float(table["Global"]), tuple(levels), float(counter.get_total_flops()))


def step_flop(settings: TrainSettings) -> float:
    """Work of one process in an optimiser step: UNet and adapters, without the frozen networks."""
    clips = settings.batch * settings.accumulation
    return clips * work_of(settings.model).step(settings.engine.checkpointed_levels)
