"""Shards of synthetic clips, and settings of a run that takes seconds."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcvd.config.profiles import profile
from lcvd.config.settings import Settings
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import whole_square
from lcvd.face.head import load_head
from lcvd.model.fingerprint import prepared_key
from lcvd.model.lcvd import LCVD
from lcvd.model.precompute_latents import prepare
from lcvd.shard.latents_format import Origin
from lcvd.shard.sample import LATENTS, PARTS, Meta, Sample
from lcvd.shard.write import write_shards
from lcvd.video.encode import write_h264, write_lossless

SIZE = 64


def make_sample(folder: Path, id: str, frames: int, size: int = SIZE) -> Sample:
    """A sample, its files made in `folder`: a disc that moves over a gradient, its hint, its mask."""
    y, x = np.mgrid[:size, :size] / size
    pictures, hints, masks = [], [], []
    for t in range(frames):
        cx = 0.5 + 0.2 * np.sin(2 * np.pi * (t / frames + len(id) / 7))
        inside = (x - cx) ** 2 + (y - 0.5) ** 2 < 0.08
        shade = np.clip(0.5 + (x - cx), 0, 1)
        grey = np.where(inside, shade, 0.3 * y)
        pictures.append(np.stack([grey, grey * 0.8, grey * 0.6], -1))
        hints.append(np.where(inside, shade, 0)[..., None].repeat(3, -1))
        masks.append(inside)
    folder.mkdir(parents=True, exist_ok=True)
    write_h264(folder / "frames.mp4", [(255 * np.stack(pictures)).astype(np.uint8)], 25.0)
    write_lossless(folder / "hints.mkv", [(255 * np.stack(hints)).astype(np.uint8)], 25.0)
    write_lossless(folder / "mask.mkv", [255 * np.stack(masks).astype(np.uint8)], 25.0)
    zeros = {"expression": (frames, 52), "pose": (frames, 3), "camera": (frames, 3), "light": (frames, 9, 3)}
    arrays = {name: np.zeros(shape, np.float32) for name, shape in zeros.items()}
    arrays["camera"][:] = 1.1, 0, 0
    arrays["camera"][:, 1] += 0.2 * np.sin(np.arange(frames))
    codes = FaceCodes(
        "open-head/1",
        identity=np.zeros(len(load_head().identity_basis), np.float32),
        crop=whole_square(np.array([0, 0, size]), frames),
        square=np.array([0, 0, size]),
        confidence=np.ones(frames, np.float32),
        **arrays,
    )
    codes.save(folder / "codes.safetensors", {})
    meta = Meta(id, id, "train", frames, size, 25.0, "CC0", "test:disc", "0" * 64, 0, "test")
    (folder / "meta.json").write_bytes(meta.to_json())
    return Sample(id, {name: (folder / name).read_bytes() for name in PARTS}, "test")


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three training clips of 20, 33 and 5 frames, one in each shard; no validation clips."""
    root = tmp_path_factory.mktemp("shards")
    write_discs(root, {"disc-a": 20, "disc-b2": 33, "disc-c33": 5})
    return root


def write_discs(root: Path, lengths: dict[str, int]) -> None:
    """Shards of the split `train` with latents prepared by the model of `tiny`, one clip a shard, an empty split `val`."""
    model = LCVD.fresh(tiny().train.model, tiny().seed)
    key = prepared_key(model.codec, model.image_encoder, SIZE)

    def with_latents(sample: Sample) -> Sample:
        rows = prepare(sample, model.codec, model.image_encoder, SIZE)
        data = rows.to_bytes(key, Origin.of(sample.meta, sample.codes.square))
        return Sample(sample.id, sample.parts | {LATENTS: data}, sample.source)

    with tempfile.TemporaryDirectory() as scratch:
        samples = {id: make_sample(Path(scratch) / id, id, frames) for id, frames in lengths.items()}
        write_shards(root, "train", samples, lambda id: with_latents(samples[id]), max_mb=0.01)
    write_shards(root, "val", [], samples.__getitem__, max_mb=1)


def tiny(**train: Any) -> Settings:
    """Settings of a run of a few seconds; `train` replaces entries of the section."""
    settings = profile("demo").model_dump()
    model = {
        "size": SIZE,
        "frames": 4,
        "overlap": 2,
        "latents": {"autoencoder": "tiny"},
        "unet": {"channels": (32, 32), "heads": (1, 1), "layers": 1, "time_ids_dim": 8},
        "image_encoder": {"width": 16, "layers": 1, "heads": 1, "mlp": 16, "patch": 56, "projection": 16},
    }
    section = {
        "steps": 6,
        "batch": 1,
        "global_batch": 2,
        "processes": 1,
        "checkpoint_every": 2,
        "watch": {"log_every": 2, "held_out_windows": 2},
        "model": model,
        **train,
    }
    settings["train"] = settings["train"] | section
    return Settings.model_validate(settings)
