"""Training data: samples per second of our loader against the published one, and time saved by precomputed latents.

``ratio`` is the speed-up of one core reading precomputed shards over the published data set's method, which opens four
video readers per sample and fetches frames one by one; ``ratio_pixels`` is the same when reading frames. Our time
includes the random numbers of the sample. ``step_ms`` is the time of complete training steps of the demo profile,
``data_wait`` the fraction spent waiting for the loader's thread. Everything is measured alternately and medians are
reported. The last line is one JSON object.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch

from benchmarks.clock import command_line, medians, rounded, timed
from benchmarks.training_data import FRAMES, ClipImages, read_published, write_ours, write_published
from lcvd.config.profiles import profile
from lcvd.config.train import ModelSettings, TrainSettings
from lcvd.model.lcvd import LCVD
from lcvd.model.objective import Objective
from lcvd.train.dataloader import NamedBatch, batches, make_batch, moved
from lcvd.train.dataset import Clips
from lcvd.train.engine import make_optimiser
from lcvd.train.sample_order import window_of

LATENTS = ("prepared", "pixels")


def loaders(folder: Path, size: int, rounds: int) -> dict[str, Any]:
    """Seconds per sample of the three methods, one thread each."""
    images = ClipImages.of(size)
    settings = TrainSettings(model=ModelSettings(size=size))
    published = write_published(folder / "published", images)
    key = write_ours(folder / "ours", images, profile("paper").shard.crf, None)
    sources = {
        name: Clips(folder / "ours", "train", size=size, memory_mb=0, key=key if name == "prepared" else None)
        for name in LATENTS
    }

    def theirs(sample: int) -> Any:
        window = window_of(0, sample, FRAMES, frames=settings.model.frames, stride=settings.stride)
        return read_published(published, window)

    ways: dict[str, Callable[[int], Any]] = {"published": theirs}
    ways |= {name: lambda n, clips=clips: make_batch(clips, [n], settings, 0) for name, clips in sources.items()}
    found = [{name: timed(partial(way, sample))[0] for name, way in ways.items()} for sample in range(rounds + 1)]
    seconds = medians(found[1:])
    return {
        "size": size,
        "sample_ms": rounded({name: 1000 * value for name, value in seconds.items()}, 1),
        "samples_per_s": rounded({name: 1 / value for name, value in seconds.items()}, 2),
        "ratio": round(seconds["published"] / seconds["prepared"], 1),
        "ratio_pixels": round(seconds["published"] / seconds["pixels"], 1),
    }


class Steps:
    """Training steps of the demo profile on the CPU, one thread, from frames or from precomputed latents."""

    def __init__(self, model: LCVD, clips: Clips, settings: TrainSettings, count: int) -> None:
        self.objective = Objective(model, settings.objective)
        self.optimiser = make_optimiser(model.trainable(), settings.optimiser)
        self.loader: Iterator[NamedBatch] = batches(clips, ([number] for number in range(count)), settings, 0)
        self.seconds: list[tuple[float, float]] = []
        """(whole step, waiting for the loader)."""

    def step(self) -> None:
        """Run one step."""
        began = time.perf_counter()
        batch = next(self.loader).batch
        waited = time.perf_counter() - began
        self.optimiser.zero_grad()
        self.objective.total(*self.objective(moved(batch, torch.device("cpu")))).backward()
        self.optimiser.step()
        self.seconds.append((time.perf_counter() - began, waited))

    def medians(self) -> tuple[float, float]:
        """Milliseconds of a step, and the fraction spent waiting."""
        step, wait = (statistics.median(values) for values in zip(*self.seconds[1:], strict=True))
        return 1000 * step, wait / step


def steps(folder: Path, rounds: int) -> dict[str, Any]:
    """Step times with precomputed latents and with encoding in the step."""
    settings = profile("demo")
    size = settings.train.model.size
    model = LCVD.fresh(settings.train.model, 0)
    key = write_ours(folder, ClipImages.of(size), settings.shard.crf, model)
    ways = {
        name: Steps(
            LCVD.fresh(settings.train.model, 0),
            Clips(folder, "train", size=size, memory_mb=512, key=key if name == "prepared" else None, with_codes=True),
            settings.train,
            rounds + 1,
        )
        for name in LATENTS
    }
    for _ in range(rounds + 1):
        for way in ways.values():
            way.step()
    found = {name: way.medians() for name, way in ways.items()}
    return {
        "step_ms": {name: round(step) for name, (step, _) in found.items()},
        "data_wait": {name: round(wait, 4) for name, (_, wait) in found.items()},
        "ratio_step": round(found["pixels"][0] / found["prepared"][0], 2),
    }


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--size", type=int, default=512, help="side of the loaded frames in pixels")
    parser.add_argument("--rounds", type=int, default=15, help="alternating measurements; medians are reported")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        found = {"benchmark": "training", "rounds": options.rounds}
        found |= loaders(Path(scratch) / "loaders", options.size, options.rounds)
        found |= steps(Path(scratch) / "steps", options.rounds)
    if not options.json:
        print(
            f"{found['size']} px: {found['samples_per_s']} samples/s; prepared x{found['ratio']}, frames "
            f"x{found['ratio_pixels']}\ndemo step: {found['step_ms']} ms (x{found['ratio_step']}), waiting {found['data_wait']}"
        )
    print(json.dumps(found, sort_keys=True))


if __name__ == "__main__":
    main()
