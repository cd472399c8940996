"""Relighting from files to a file: seconds a frame, memory, time to the first frame, and how fast another light shows.

Clips of 32, 128 and 512 frames of somebody moving drive a portrait, each in a process of its own whose peak memory the
kernel tells. The model is small and has learned nothing: what is measured is everything around it, which must not grow
with the clip. ``python -m benchmarks.relight --json`` prints one JSON object on its last line: ``ratio`` is the memory of
the longest clip over that of the shortest, ``seconds_a_frame``, ``first_frame_s`` and ``peak_mb`` by number of frames,
``busy`` the share of time that the network or the autoencoder works, ``light_ms`` what another light over cached codes
takes for one hint of 256 px, ``preview_s`` for all hints of the shortest clip written as a video.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lcvd.config.profiles import DEMO
from lcvd.config.settings import Settings
from lcvd.light.presets import PRESETS, preset
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.relighting.api import model_of, relight
from lcvd.studio.clip import StudioClip
from lcvd.video.encode import write_h264

Array = NDArray[Any]
LENGTHS = (32, 128, 512)
SIDE, ROUND = 192, 32
"""Side of the driving clip's frames in pixels; after so many frames its motion runs backwards, and so on."""
GROWTH = 1.05
"""Memory of the longest clip over the shortest's, beyond which it isn't constant."""
STEPS, SEED = 2, 0
MODEL = {
    "size": 64, "frames": 8, "overlap": 2, "latents": {"autoencoder": "tiny"},
    "unet": {"channels": (32, 32), "heads": (1, 1), "layers": 1, "time_ids_dim": 8},
    "image_encoder": {"width": 16, "layers": 1, "heads": 2, "mlp": 16, "patch": 56, "projection": 32},
}  # fmt: skip


def settings() -> Settings:
    """The demo's, with the small model."""
    return Settings.model_validate(DEMO | {"train": {"model": MODEL}})


def material(folder: Path, lengths: tuple[int, ...]) -> None:
    """A portrait, a model, and a clip of each length."""
    LCVDPipeline.of(LCVD.fresh(settings().train.model, SEED)).save_pretrained(folder / "model")
    shown = np.concatenate([window for window, _ in StudioClip("astronaut", SEED, frames=ROUND, size=SIDE).render()])
    Image.fromarray(shown[0]).save(folder / "portrait.png")
    there_and_back = np.concatenate([shown, shown[::-1]])
    for length in lengths:
        frames: Iterator[Array] = (there_and_back[t % len(there_and_back)][None] for t in range(length))
        write_h264(folder / f"{length}.mp4", frames, 25.0, crf=10)


def measure(folder: Path, length: int) -> dict[str, float]:
    """In this process: one clip from its file to the result's."""
    clock, model = _Busy(), model_of(folder / "model")
    for module in (model.pipe.unet, model.pipe.vae.encoder, model.pipe.vae.decoder):
        clock.watch(module)
    times: dict[str, float] = {}

    def progress(phase: str, done: int, total: int) -> None:
        times.setdefault(f"{phase} {'ends' if done == total else 'begins'}", time.perf_counter())
        times.setdefault(phase, time.perf_counter())

    began = time.perf_counter()
    found = relight(folder / "portrait.png", folder / f"{length}.mp4", "left", model, guidance=1.5, steps=STEPS,
                    settings=settings(), scratch=folder / f"scratch-{length}", progress=progress)  # fmt: skip
    found.save(folder / f"out-{length}.mp4", progress=progress)
    ended = time.perf_counter()
    read = times["reading ends"] - began
    return {
        "seconds_a_frame": (ended - began) / length,
        "reading_s_a_frame": read / length,
        "first_frame_s": times["writing"] - began,
        "busy": clock.seconds / (ended - began - read),
        "peak_mb": _peak_kb() / 1024,
    }


def lights(folder: Path, length: int, rounds: int) -> dict[str, float]:
    """Over cached codes: milliseconds of another light for one hint of 256 px, seconds of a whole preview's file."""
    scratch = folder / f"scratch-{length}"
    began = time.perf_counter()
    found = relight(folder / "portrait.png", folder / f"{length}.mp4", "right", preview=True, settings=settings(),
                    scratch=scratch)  # fmt: skip
    found.save(folder / "preview.mp4")
    preview = time.perf_counter() - began
    under, spent = found.scene.preview(0, 256), []
    for name in islice(PRESETS * rounds, rounds):
        light = preset(name)
        began = time.perf_counter()
        under(light)
        spent.append(1000 * (time.perf_counter() - began))
    return {"preview_s": preview, "light_ms": statistics.median(spent), "light_ms_worst": max(spent)}


def run(lengths: tuple[int, ...], rounds: int) -> dict[str, Any]:
    """Measure each length in a process of its own."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        material(folder, lengths)
        for length in lengths:
            command = [sys.executable, "-m", "benchmarks.relight", "--child", str(length), str(folder)]
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            for name, value in json.loads(said.splitlines()[-1]).items():
                found.setdefault(name, {})[str(length)] = round(value, 4)
        again = lights(folder, lengths[0], rounds)
    peaks = found["peak_mb"]
    ratio = peaks[str(lengths[-1])] / peaks[str(lengths[0])]
    return {"ratio": round(ratio, 4), "flat": ratio <= GROWTH, **found,
            **{name: round(value, 3) for name, value in again.items()}}  # fmt: skip


class _Busy:
    """Adds up the seconds that modules work."""

    def __init__(self) -> None:
        self.seconds, self._began = 0.0, 0.0

    def watch(self, module: Any) -> None:
        def begin(*_: Any) -> None:
            self._began = time.perf_counter()

        def end(*_: Any) -> None:
            self.seconds += time.perf_counter() - self._began

        module.register_forward_pre_hook(begin)
        module.register_forward_hook(end)


def _peak_kb() -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS), help="frames of the clips, rising")
    parser.add_argument("--rounds", type=int, default=60, help="other lights, of which the median is given")
    parser.add_argument("--child", nargs=2, metavar=("LENGTH", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(Path(options.child[1]), int(options.child[0]))))
        return
    found = run(tuple(options.lengths), options.rounds)
    if not options.json:
        for length in options.lengths:
            row = ", ".join(
                f"{name} {values[str(length)]}" for name, values in found.items() if isinstance(values, dict)
            )
            print(f"{length:5} frames: {row}")
    print(json.dumps(found, sort_keys=True))


if __name__ == "__main__":
    main()
