"""Floating-point operations of a training step, counted on the meta device: nothing is computed or allocated."""

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from lcvd.config.train import ModelSettings, TrainSettings
from lcvd.model.adapter import Adapter
from lcvd.model.hf_classes import UNetSpatioTemporalConditionModel
from lcvd.model.init_weights import unet_config


@dataclass(frozen=True)
class Work:
    """Floating-point operations of one clip's forward pass. A multiply-add counts as two."""

    unet: float
    levels: tuple[float, ...]
    """The part of `unet` in the blocks of each level, from the highest resolution down."""
    adapters: float

    def step(self, checkpointed_levels: int) -> float:
        """Return the operations of one clip's forward and backward pass.

        The backward pass costs twice the forward pass, and checkpointed levels are computed a second time.
        """
        return 3 * (self.unet + self.adapters) + sum(self.levels[:checkpointed_levels])


def meta_unet(settings: ModelSettings) -> UNetSpatioTemporalConditionModel:
    """Return the UNet of the settings on the meta device."""
    with torch.device("meta"):
        unet = UNetSpatioTemporalConditionModel(**unet_config(settings))
    return unet.to("meta")  # some constants are created on the CPU in any case


def unet_inputs(settings: ModelSettings, batch: int = 1, device: str = "meta") -> tuple[torch.Tensor, ...]:
    """Return the UNet's arguments: latents, noise level, image token, time ids."""
    side = settings.size // 8
    with torch.device(device):
        return (
            torch.zeros(batch, settings.frames, 2 * settings.latents.channels, side, side),
            torch.zeros(batch),
            torch.zeros(batch, 1, settings.image_encoder.projection),
            torch.zeros(batch, 3),
        )


def work_of(settings: ModelSettings) -> Work:
    """Count the operations of a clip's forward pass."""
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
        images = torch.zeros(1, settings.frames, 3, settings.size, settings.size)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        adapter(images)  # the reference adapter processes only one frame and is neglected
    return Work(float(table["Global"]), tuple(levels), float(counter.get_total_flops()))


def step_flop(settings: TrainSettings) -> float:
    """Return the operations of one process in an optimiser step: UNet and adapters, without the frozen networks."""
    clips = settings.batch * settings.accumulation
    return clips * work_of(settings.model).step(settings.engine.checkpointed_levels)
