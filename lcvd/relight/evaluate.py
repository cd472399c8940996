"""Evaluate a model: relight test clips under preset lights, score them beside what costs nothing, write it all down.

A clip's first frame is the reference, the next ones drive it (the same person: spec G's relighting protocol). The
reference keeps its own light, as the first frame of a training window does (spec B1, C8), and isn't scored.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from lcvd.config.settings import Settings
from lcvd.face.head import load_head
from lcvd.metrics.features import FeatureExtractor
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.measure import Meter
from lcvd.metrics.outputs import sample_sheet, write_results
from lcvd.metrics.summary import Scored
from lcvd.model.hub import load_model
from lcvd.model.latents import LatentCodec
from lcvd.model.lcvd import LCVD
from lcvd.model.objective import to_signed
from lcvd.relight.relight import relight_frames
from lcvd.shading.crop import resize_masks, square_pictures
from lcvd.shading.hints import hints_of
from lcvd.shading.presets import preset
from lcvd.shards.sample import Sample, read_index, read_samples
from lcvd.studio.clip import StudioClip
from lcvd.video.encode import write_browser

Array = NDArray[Any]
Progress = Callable[[int, int], None]
SPLIT = "test"
CHUNK = 16
ARMS = ("model", "copy", "driving", "codec", "hint")


@dataclass
class Results:
    """What evaluating the clips so far has given: videos by arm, the driving frames' features and facts by clip."""

    arms: dict[str, list[Scored]] = field(default_factory=lambda: {arm: [] for arm in ARMS})
    real: dict[str, FeatureSet] = field(default_factory=dict)
    clips: list[dict[str, Any]] = field(default_factory=list)


def evaluate(
    model_dir: Path, shard_dir: Path, out: Path, settings: Settings, progress: Progress | None = None
) -> dict[str, Any]:
    """Relight, score and write below `out`: metrics.json, records.json, table.md, plots/, videos/.

    At any time one clip under one light is in memory. Equal inputs give equal bytes.

    Args:
        model_dir: a model as training exports it.
        shard_dir: the shards; the test split's clips are taken in order of id.
        out: a folder; its ``videos`` and ``plots`` are replaced.
        settings: all settings; section `evaluate` says what is relit.
        progress: called with (frames relit, frames in all).

    Returns:
        What metrics.json holds.

    Raises:
        FileNotFoundError: there is no test split, or no model.
        ValueError: a light isn't a preset's name, or a clip has fewer than three frames.
    """
    lights = {name: preset(name) for name in settings.evaluate.lights}
    model = load_model(model_dir, "cuda" if torch.cuda.is_available() else "cpu")
    extract = FeatureExtractor(model.device)
    for name in ("videos", "plots"):
        shutil.rmtree(out / name, ignore_errors=True)
    chosen = _chosen(shard_dir, settings)
    counts = [_count(sample, settings) for sample in read_samples(shard_dir, SPLIT, chosen)]
    ticker = _Ticker(progress, len(lights) * sum(counts))
    results = Results()
    for sample in read_samples(shard_dir, SPLIT, chosen):
        _Clip(sample, model, extract, settings).score(lights, out, results, ticker)
    return write_results(out, results, _protocol(model, shard_dir, settings, results), settings.seed)


class _Clip:
    """One test clip: its reference, what drives it, and how its videos are measured."""

    def __init__(self, sample: Sample, model: LCVD, extract: FeatureExtractor, settings: Settings) -> None:
        self.sample, self.model, self.settings, size = sample, model, settings.evaluate, model.size
        self.seed, count = settings.seed, _count(sample, settings)
        pictures = _resized(sample.frames(range(count + 1)), size)
        self.reference, self.driving = pictures[0], pictures[1:]
        self.mask = resize_masks(sample.masks([0]), size)[0]
        self.codes = sample.codes.window(range(1, count + 1))
        self.head = load_head(self.codes.head)
        self.own_hint = next(hints_of(self.head, sample.codes.window([0]), size))[0]
        self.meter = Meter(
            self.head, self.codes, self.driving, extract, settings.reconstruct.light, settings.filter.track
        )

    def score(self, lights: dict[str, Array], out: Path, results: Results, ticker: _Ticker) -> None:
        """Relight under every light; add what was measured, of the model and of the baselines, to `results`."""
        copies = np.broadcast_to(self.reference, self.driving.shape)
        baselines = {"copy": copies, "driving": self.driving, "codec": round_trip(self.model.codec, self.driving)}
        true = {name: true_relit(self.sample, name, self.model.size, len(self.driving)) for name in lights}
        for arm, frames in baselines.items():
            found = self.meter.measure(frames)
            results.arms[arm] += [
                Scored(self.sample.id, n, light, found.light, found, psnr(frames, true[n]))
                for n, light in lights.items()
            ]
            if arm == "driving":
                results.real[self.sample.id] = found.features
        stills = {}
        for name, light in lights.items():
            hints = np.concatenate(list(hints_of(self.head, self.codes, self.model.size, light)))
            made = self._relight(hints, ticker)
            found = self.meter.measure(made)
            score = psnr(made, true[name])
            results.arms["model"].append(Scored(self.sample.id, name, light, found.light, found, score))
            results.arms["hint"].append(Scored(self.sample.id, name, light, self.meter.light(hints)))
            self._write(out / "videos", name, hints, made)
            stills[name] = (hints[len(made) // 2], made[len(made) // 2])
        sample_sheet(out / "plots" / f"{self.sample.id}.png", self.reference, self.driving[len(copies) // 2], stills)
        facts = {key: getattr(self.sample.meta, key) for key in ("id", "identity", "fps", "licence")}
        results.clips.append({**facts, "frames": len(self.driving)})

    def _relight(self, hints: Array, ticker: _Ticker) -> Array:
        made = relight_frames(
            self.model,
            self.reference,
            self.mask,
            self.own_hint,
            hints,
            guidance=self.settings.guidance,
            steps=self.settings.steps,
            seed=self.seed,
            progress=lambda done, total: ticker.part(len(hints), done / total),
        )
        ticker.finished(len(hints))
        return made

    def _write(self, folder: Path, light: str, hints: Array, made: Array) -> None:
        fps, stem = float(self.sample.meta.fps), f"{self.sample.id}_{light}"
        write_browser(folder / f"{stem}.mp4", [made], fps)
        write_browser(folder / f"{stem}_side.mp4", [np.concatenate([self.driving, hints, made], axis=2)], fps)


class _Ticker:
    """Turns the sampler's calls into frames relit."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def part(self, frames: int, share: float) -> None:
        if self._progress:
            self._progress(self._done + int(frames * share), self._total)

    def finished(self, frames: int) -> None:
        self._done += frames
        self.part(0, 0)


def true_relit(sample: Sample, light: str, size: int, count: int) -> tuple[Array, Array] | None:
    """What the `count` frames after the first truly look like under the preset `light`, (count, size, size, 3) uint8, and
    the true portrait (count, size, size) bool; None for a clip that isn't the studio's."""
    if not sample.meta.address.startswith("studio:"):
        return None
    clip = replace(StudioClip.parse(sample.meta.address), light=light)
    wanted = range(sample.meta.start + 1, sample.meta.start + 1 + count)
    frames, masks = (np.concatenate(parts) for parts in zip(*clip.render(wanted), strict=True))
    square = sample.codes.square
    return square_pictures(frames, square, size), square_pictures(masks, square, size) > 127


def psnr(frames: Array, true: tuple[Array, Array] | None) -> float | None:
    """Decibels of `frames` (T, S, S, 3) uint8 against true ones, over all pixels of the true portraits; None without."""
    if true is None:
        return None
    error = (frames.astype(np.float64) - true[0])[true[1]]
    return float(10 * np.log10(255**2 / max(float((error**2).mean()), 1e-6)))


@torch.inference_mode()
def round_trip(codec: LatentCodec, frames: Array) -> Array:
    """Frames (T, S, S, 3) uint8 encoded to latents and decoded again."""
    parts = []
    for start in range(0, len(frames), CHUNK):
        decoded = codec.decode(codec.encode(to_signed(torch.from_numpy(frames[start : start + CHUNK]))))
        parts.append(((decoded + 1) * 127.5).round().to(torch.uint8).movedim(1, -1).numpy())
    return np.concatenate(parts)


def _chosen(shards: Path, settings: Settings) -> set[str]:
    """Ids of the test clips that are evaluated."""
    ids = sorted(id for shard in read_index(shards, SPLIT)["shards"] for id in shard["ids"])
    if not ids:
        raise ValueError(f"{shards / SPLIT}: no test clip; raise shard.test_share, or add clips")
    return set(ids[: settings.evaluate.clips])


def _count(sample: Sample, settings: Settings) -> int:
    return min(settings.evaluate.frames, sample.meta.frames - 1)


def _resized(pictures: Array, size: int) -> Array:
    if pictures.shape[1] == size:
        return pictures
    return np.stack([cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) for picture in pictures])


def _protocol(model: LCVD, shards: Path, settings: Settings, results: Results) -> dict[str, Any]:
    """How the numbers were made, for the records and the report."""
    splits = json.loads((shards / "splits.json").read_text(encoding="utf-8"))
    scored = {clip["identity"] for clip in results.clips}
    shared = {name for name, found in splits["identities"].items() if {"train", SPLIT} <= set(found)}
    return {
        "profile": settings.profile,
        "seed": settings.seed,
        "train_steps": settings.train.steps,
        "parameters": sum(weight.numel() for weight in model.trainable()),
        "size": model.size,
        "window": model.frames,
        "frames": settings.evaluate.frames,
        "frames_scored": sum(len(video.found) for video in results.arms["model"]),
        "steps": settings.evaluate.steps,
        "guidance": settings.evaluate.guidance,
        "lights": list(settings.evaluate.lights),
        "codec": model.codec.config()["codec"],
        "codec_description": model.codec.description,
        "shared_identities": sorted(shared & scored),
        "shared_clips": sorted(clip["id"] for clip in results.clips if "train" in splits["clips"][clip["id"]]),
    }
