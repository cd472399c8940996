"""Relighting from file to file: seconds per frame, memory, time to the first frame, and latency of a new light.

Driving clips of 32, 128 and 512 frames animate a portrait, each in its own process whose peak memory the kernel
reports. The model is small and untrained: everything around it is measured, and must not grow with the clip. ``python
-m benchmarks.relight --json`` prints one JSON object on its last line:

- ``ratio``: peak memory of the longest clip divided by that of the shortest.
- ``seconds_a_frame``, ``first_frame_s`` and ``peak_mb``: by number of frames.
- ``busy``: fraction of the time spent in the network or the autoencoder.
- ``light_ms``: time for one 256 px hint under another light with cached codes.
- ``preview_s``: time for all hints of the shortest clip, written as a video.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.clock import command_line, rounded, timed
from lcvd.array import Array
from lcvd.config.profiles import DEMO
from lcvd.config.settings import Settings
from lcvd.light.presets import PRESETS, preset
from lcvd.model.batch_sizing import resident
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.relighting.api import model_of, relight
from lcvd.studio.clip import StudioClip
from lcvd.video.encode import write_h264

LENGTHS = (32, 128, 512)
SIDE, LOOP = 192, 32
"""Side in pixels of the driving clip's frames; after this number of frames its motion is played backwards, and so on.
"""
GROWTH = 1.05
"""Memory counts as constant if the longest clip needs at most this times the shortest's."""
STEPS, SEED = 2, 0
MODEL = {
    "size": 64, "frames": 8, "overlap": 2, "latents": {"autoencoder": "tiny"},
    "unet": {"channels": (32, 32), "heads": (1, 1), "layers": 1, "time_ids_dim": 8},
    "image_encoder": {"width": 16, "layers": 1, "heads": 2, "mlp": 16, "patch": 56, "projection": 32},
}  # fmt: skip


def settings() -> Settings:
    """The demo's settings with the small model."""
    return Settings.model_validate(DEMO | {"train": {"model": MODEL}})


def prepare_inputs(folder: Path, lengths: tuple[int, ...]) -> None:
    """Write a portrait, a model, and a clip of each length."""
    LCVDPipeline.of(LCVD.fresh(settings().train.model, SEED)).save_pretrained(folder / "model")
    frames_shown = np.concatenate(
        [window for window, _ in StudioClip("astronaut", SEED, frames=LOOP, size=SIDE).render()]
    )
    Image.fromarray(frames_shown[0]).save(folder / "portrait.png")
    loop = np.concatenate([frames_shown, frames_shown[::-1]])
    for length in lengths:
        frames: Iterator[Array] = (loop[t % len(loop)][None] for t in range(length))
        write_h264(folder / f"{length}.mp4", frames, 25.0, crf=10)


def measure(folder: Path, length: int) -> dict[str, float]:
    """Relight one clip in this process, from its file to the result's."""
    clock, model = _BusyTimer(), model_of(folder / "model")
    for module in (model.pipe.unet, model.pipe.vae.encoder, model.pipe.vae.decoder):
        clock.watch(module)
    times: dict[str, float] = {}

    def progress(phase: str, done: int, total: int) -> None:
        times.setdefault(f"{phase} {'ends' if done == total else 'begins'}", time.perf_counter())
        times.setdefault(phase, time.perf_counter())

    began = time.perf_counter()
    results = relight(folder / "portrait.png", folder / f"{length}.mp4", "left", model, guidance=1.5, steps=STEPS,
                    settings=settings(), scratch=folder / f"scratch-{length}", progress=progress)  # fmt: skip
    results.save(folder / f"out-{length}.mp4", progress=progress)
    ended = time.perf_counter()
    read = times["reading ends"] - began
    return {
        "seconds_a_frame": (ended - began) / length,
        "reading_s_a_frame": read / length,
        "first_frame_s": times["writing"] - began,
        "busy": clock.seconds / (ended - began - read),
        "peak_mb": resident("VmHWM") / 1024**2,
    }


def lights(folder: Path, length: int, rounds: int) -> dict[str, float]:
    """With cached codes: milliseconds for one 256 px hint under another light, and seconds for a preview file."""
    scratch = folder / f"scratch-{length}"
    began = time.perf_counter()
    results = relight(folder / "portrait.png", folder / f"{length}.mp4", "right", preview=True, settings=settings(),
                    scratch=scratch)  # fmt: skip
    results.save(folder / "preview.mp4")
    preview = time.perf_counter() - began
    under, spent = results.scene.preview(0, 256), []
    for name in islice(PRESETS * rounds, rounds):
        spent.append(1000 * timed(partial(under, preset(name)))[0])
    return {"preview_s": preview, "light_ms": statistics.median(spent), "light_ms_worst": max(spent)}


def run(lengths: tuple[int, ...], rounds: int) -> dict[str, Any]:
    """Measure each length in its own process."""
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare_inputs(folder, lengths)
        for length in lengths:
            command = [sys.executable, "-m", "benchmarks.relight", "--child", str(length), str(folder)]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            for name, value in json.loads(output.splitlines()[-1]).items():
                results.setdefault(name, {})[str(length)] = round(value, 4)
        again = lights(folder, lengths[0], rounds)
    peaks = results["peak_mb"]
    ratio = peaks[str(lengths[-1])] / peaks[str(lengths[0])]
    return {"ratio": round(ratio, 4), "flat": ratio <= GROWTH, **results, **rounded(again, 3)}


class _BusyTimer:
    """Accumulates the seconds that modules are running."""

    def __init__(self) -> None:
        self.seconds, self._began = 0.0, 0.0

    def watch(self, module: Any) -> None:
        def begin(*_: Any) -> None:
            self._began = time.perf_counter()

        def end(*_: Any) -> None:
            self.seconds += time.perf_counter() - self._began

        module.register_forward_pre_hook(begin)
        module.register_forward_hook(end)


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument(
        "--lengths", type=int, nargs="+", default=list(LENGTHS), help="numbers of frames of the clips, ascending"
    )
    parser.add_argument("--rounds", type=int, default=60, help="number of new lights; the median is reported")
    parser.add_argument("--child", nargs=2, metavar=("LENGTH", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(Path(options.child[1]), int(options.child[0]))))
        return
    results = run(tuple(options.lengths), options.rounds)
    if not options.json:
        for length in options.lengths:
            row = ", ".join(
                f"{name} {values[str(length)]}" for name, values in results.items() if isinstance(values, dict)
            )
            print(f"{length:5} frames: {row}")
    print(json.dumps(results, sort_keys=True))


if __name__ == "__main__":
    main()
