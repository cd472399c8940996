"""Throughput and memory of a run. These numbers vary between runs, so they are not part of the artifacts.

They are written to ``log/speed.jsonl`` next to the checkpoints, one line per point of the loss curve, and together with the
curve to TensorBoard or Weights & Biases if the settings select them.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lcvd.config.train import TrainSettings


class Watch:
    """Measures time and memory in the first process.

    Args:
        folder: receives ``speed.jsonl`` and the trackers' files.
        step: number of completed optimiser steps.
        step_flop: floating-point operations of this process per optimiser step.
        peak: measured operations per second of a matrix product on this device (`matrix_peak`).
    """

    def __init__(self, folder: Path, settings: TrainSettings, step: int, step_flop: float, peak: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path, self._clips = folder / "speed.jsonl", settings.global_batch
        self._since, self._flop, self._peak = step, step_flop, peak
        self._trackers = [_tracker(name, folder, settings) for name in settings.watch.trackers]
        self._restart()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Context whose time counts as waiting for data."""
        began = time.perf_counter()
        yield
        self._waited += time.perf_counter() - began

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Context whose time doesn't count as training: a checkpoint, a measurement, a video."""
        began = time.perf_counter()
        yield
        self._begin += time.perf_counter() - began

    def point(self, step: int, values: dict[str, float]) -> None:
        """Log the speed since the previous point, up to optimiser step `step`, together with `values`."""
        seconds, steps = time.perf_counter() - self._begin, step - self._since
        rate = self._flop * steps / seconds
        speed = {
            "seconds": seconds,
            "seconds_per_step": seconds / steps,
            "clips_per_s": self._clips * steps / seconds,
            "data_wait_share": self._waited / seconds,
            "tflops": rate / 1e12,
            "of_peak": rate / self._peak,
            "memory_gb": memory_gb(),
        }
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"step": step, **speed, **values}) + "\n")
        self.track(step, values | {f"speed/{name}": value for name, value in speed.items()})
        self._since = step
        self._restart()

    def track(self, step: int, values: dict[str, float]) -> None:
        """Pass values to the trackers."""
        for tracker in self._trackers:
            tracker(step, values)

    def _restart(self) -> None:
        self._begin, self._waited = time.perf_counter(), 0.0


def memory_gb() -> float:
    """Return the peak memory in GB: of the GPU, or of the process on a CPU."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def matrix_peak(device: torch.device, precision: str) -> float:
    """Measure the floating-point operations per second of a large matrix product in the network's precision (best of six)."""
    kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    on_gpu = device.type == "cuda"
    side, best = (8192, 0.0) if on_gpu else (768, 0.0)
    a = torch.ones(side, side, device=device, dtype=kind)
    for _ in range(6):
        began = time.perf_counter()
        a @ a
        if on_gpu:
            torch.cuda.synchronize(device)
        best = max(best, 2 * side**3 / (time.perf_counter() - began))
    return best


def _tracker(name: str, folder: Path, settings: TrainSettings) -> Any:
    """Return a function (step, values) that logs to a tracker. `launch_command` has checked that its package is installed."""
    if name == "tensorboard":
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(str(folder / "tensorboard"))

        def write(step: int, values: dict[str, float]) -> None:
            for key, value in values.items():
                writer.add_scalar(key, value, step)

        return write
    import wandb

    run = wandb.init(project="lcvd", dir=str(folder), config=settings.model_dump(mode="json"), resume="allow")
    return lambda step, values: run.log(values, step=step)
