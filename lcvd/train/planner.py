"""The planner: estimate a run's memory and its speed at the roofline, and find the fastest engine settings that fit."""

from collections.abc import Iterator
from dataclasses import dataclass

from lcvd.config.train import EngineSettings, TrainSettings
from lcvd.train.flops import Work, work_of
from lcvd.train.memory_estimate import Counts, activations, counts, parts

HEADROOM = 0.9
"""Fraction of a GPU's memory that may be used. The rest is reserved for the driver, kernel workspaces and fragmentation."""
NO_VIDEOS = "train.watch.video_every 0: under ZeRO 3 no process has the whole model for sample videos"


@dataclass(frozen=True)
class Gpu:
    """Specifications of a GPU."""

    memory: float
    """Memory in bytes."""
    flops: dict[str, float]
    """Dense matrix operations per second by precision (fp32: TF32 off)."""
    bandwidth: float
    """Memory bandwidth in bytes per second."""
    link: float
    """Bandwidth to other GPUs in bytes per second."""
    host_link: float
    """Bandwidth to host memory in bytes per second."""


def _gpu(gigabytes: float, half: float, full: float, bandwidth: float, link: float, host: float) -> Gpu:
    flops = {"bf16": half * 1e12, "fp16": half * 1e12, "fp32": full * 1e12}
    return Gpu(gigabytes * 1e9, flops, bandwidth * 1e9, link * 1e9, host * 1e9)


GPUS = {
    "rtx4090": _gpu(24, 165, 83, 1008, 32, 32),
    "a6000": _gpu(48, 155, 39, 768, 56, 32),
    "a100-40": _gpu(40, 312, 19.5, 1555, 300, 32),
    "a100-80": _gpu(80, 312, 19.5, 2039, 300, 32),
    "h100": _gpu(80, 989, 67, 3350, 450, 64),
    "h200": _gpu(141, 989, 67, 4800, 450, 64),
}
"""Manufacturers' specifications: dense rates without sparsity, links in one direction."""


@dataclass(frozen=True)
class Option:
    """One combination of engine settings, with its memory and speed."""

    engine: EngineSettings
    parts: dict[str, float]
    """Bytes by part (`lcvd.train.memory_estimate.parts`)."""
    seconds: float
    """Seconds per optimiser step at the roofline."""
    gpu: Gpu
    needs: str = ""
    """Other settings that must change for this option."""

    @property
    def bytes(self) -> float:
        """Bytes on the GPU."""
        return sum(size for name, size in self.parts.items() if name != "host")

    @property
    def fits(self) -> bool:
        """Whether it fits into the GPU's memory."""
        return self.bytes <= HEADROOM * self.gpu.memory


class Planner:
    """Options for one model on one kind of GPU."""

    def __init__(self, settings: TrainSettings, gpu: Gpu) -> None:
        self._settings, self._gpu = settings, gpu
        self._work: Work = work_of(settings.model)
        self._counts: Counts = counts(settings.model)
        self._kept: dict[int, int] = {}

    def option(self, engine: EngineSettings) -> Option:
        """Evaluate the settings with another engine."""
        settings, levels = self._settings.model_copy(update={"engine": engine}), engine.checkpointed_levels
        if levels not in self._kept:
            self._kept[levels] = activations(settings)
        found = parts(settings, self._counts, self._kept[levels])
        needs = NO_VIDEOS if engine.zero == 3 and settings.watch.video_every else ""
        return Option(engine, found, self._seconds(settings), self._gpu, needs)

    def options(self) -> Iterator[Option]:
        """Yield every engine that the settings allow, ignoring `watch.video_every` (see `Option.needs`)."""
        blocks = len(self._settings.model.unet.channels)
        silent = self._settings.watch.model_copy(update={"video_every": 0})
        train = self._settings.model_copy(update={"watch": silent})
        stages = (0, 1, 2, 3) if train.world > 1 else (0, 3)
        for zero in stages:
            places = {0: ("none",), 3: ("none", "optimiser", "all")}.get(zero, ("none", "optimiser"))
            for offload in places:
                for levels in range(blocks + 1):
                    changes = {"zero": zero, "offload": offload, "checkpointed_levels": levels, "compile": False}
                    try:
                        allowed = TrainSettings.model_validate(train.model_dump() | {"engine": changes})
                    except ValueError:
                        continue
                    yield self.option(allowed.engine)

    def best(self) -> Option | None:
        """Return the fastest option that fits. Ties are broken by the lower ZeRO stage, then by less memory."""
        fitting = [option for option in self.options() if option.fits]
        return min(fitting, key=lambda o: (o.seconds, o.engine.zero, o.bytes), default=None)

    def _seconds(self, settings: TrainSettings) -> float:
        """Return the seconds of one optimiser step at the roofline.

        They are the sum of the matrix operations at the peak rate, the optimiser's memory traffic, and the communication
        over the links, without overlap.
        """
        gpu, engine, world = self._gpu, settings.engine, settings.world
        weight = 4.0 * self._counts.trainable
        work = self._work.step(engine.checkpointed_levels) * settings.batch * settings.accumulation
        share = 1 / world if engine.zero else 1.0
        traffic = share * (4 * weight + 2 * weight) if engine.offload == "none" else 0.0
        ring = 2 * (world - 1) / world * weight
        exchanged = ring * 0.5 * (1 + 2 * settings.accumulation) if engine.zero == 3 else ring
        moved = {"none": 0.0, "optimiser": 2 * weight, "all": 2 * weight * (1 + settings.accumulation)}[engine.offload]
        return (
            work / gpu.flops[settings.precision]
            + traffic / gpu.bandwidth
            + exchanged / gpu.link
            + moved * share / gpu.host_link
        )


def describe(option: Option, settings: TrainSettings) -> list[str]:
    """Describe an option in lines of text."""
    engine = option.engine
    lines = [
        f"zero {engine.zero}, offload {engine.offload}, checkpointed_levels {engine.checkpointed_levels}, "
        f"{settings.world} GPU(s) x {settings.batch} clip(s) x {settings.accumulation} micro-step(s), "
        f"{settings.precision}, {settings.optimiser.name}"
    ]
    lines += [f"  {name:12} {size / 1e9:8.2f} GB" for name, size in option.parts.items() if size and name != "host"]
    verdict = "fits" if option.fits else "does not fit"
    lines.append(f"  {'on the GPU':12} {option.bytes / 1e9:8.2f} GB of {option.gpu.memory / 1e9:.0f}: {verdict}")
    if option.needs:
        lines.append(f"  {'needs':12} {option.needs}")
    if option.parts["host"]:
        lines.append(f"  {'on the host':12} {option.parts['host'] / 1e9:8.2f} GB per process")
    lines.append(f"  at best {1 / option.seconds:.3g} optimiser steps/s ({option.seconds:.3g} s per step, roofline)")
    return lines
