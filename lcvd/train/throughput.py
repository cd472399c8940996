"""What a run logs: the loss curve, throughput and memory.

Throughput and memory vary between runs, so they are not part of the artifacts. They are written to ``log/speed.jsonl`` next to
the checkpoints, one line per point of the loss curve, and together with the curve to TensorBoard or Weights & Biases if the
settings select them.
"""

import json
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from dvclive import Live

from lcvd.config.train import TrainSettings
from lcvd.model.objective import AUTOCAST


class Curve:
    """The loss curve, written by DVCLive. An interrupted and resumed run gives the same bytes as an uninterrupted one.

    When a run resumes, DVCLive's folder is rewritten from the checkpoint's points, so that later points aren't duplicated.

    Args:
        points: the points up to the checkpoint: dictionaries with a `step` and named numbers. `add` appends to this list.
    """

    def __init__(self, folder: Path, points: list[dict[str, Any]]) -> None:
        self._points = points
        self._live = Live(str(folder), resume=False, report=None, save_dvc_exp=False, dvcyaml=None)
        for point in points:
            self._write(**point)

    def add(self, step: int, **values: float) -> None:
        """Log the values of optimiser step `step`."""
        self._points.append({"step": step, **values})
        self._write(step, **values)

    def _write(self, step: int, **values: float) -> None:
        self._live.step = step
        for name, value in values.items():
            self._live.log_metric(f"train/{name}", value, timestamp=False)
        self._live.make_summary()

    def end(self) -> None:
        """Close DVCLive's files."""
        self._live.end()


class Watch:
    """Logs the first process's numbers, and measures its time and memory.

    Args:
        folder: receives ``speed.jsonl`` and the trackers' files.
        curve: receives all numbers except those of speed and memory.
        step: number of completed optimiser steps.
        step_flop: floating-point operations of this process per optimiser step.
        peak: measured operations per second of a matrix product on this device (`matrix_peak`).
    """

    def __init__(
        self, folder: Path, settings: TrainSettings, curve: Curve, step: int, step_flop: float, peak: float
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.curve, self._path, self._clips = curve, folder / "speed.jsonl", settings.global_batch
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

    def log_speed(self, step: int, values: dict[str, float]) -> None:
        """Log `values`, and the speed since the previous call, up to optimiser step `step`."""
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
        self.log(step, values, {f"speed/{name}": value for name, value in speed.items()})
        self._since = step
        self._restart()

    def log(self, step: int, values: dict[str, float], speed: Mapping[str, float] = {}) -> None:
        """Add `values` to the curve, and pass them and `speed` to the trackers."""
        self.curve.add(step, **values)
        for tracker in self._trackers:
            tracker(step, {**values, **speed})

    def _restart(self) -> None:
        self._begin, self._waited = time.perf_counter(), 0.0


def memory_gb() -> float:
    """Return the peak memory in GB: of the GPU, or of the process on a CPU."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def matrix_peak(device: torch.device, precision: str) -> float:
    """Measure the floating-point operations per second of a large matrix product in the network's precision (best of six)."""
    kind = AUTOCAST.get(precision, torch.float32)
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
