"""Evaluate a model: relight test clips under preset lights, score them beside what costs nothing, write it all down.

A clip's first frame is the reference, the next ones drive it (the same person: spec G's relighting protocol). The
reference keeps its own light, as the first frame of a training window does (spec B1, C8), and isn't scored.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.evaluate.clip import Results, ScoredClip, Ticker, frame_count
from lcvd.evaluate.truth import is_studio
from lcvd.evaluate.write import write_results
from lcvd.filter.scores.registry import QUALITY_SCORES
from lcvd.ledger.tally import clip_counted
from lcvd.light.presets import preset
from lcvd.metrics.registry import open_metrics
from lcvd.metrics.session import MetricSession
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.progress import Progress
from lcvd.shard.sample import read_index, read_samples

Array = NDArray[Any]
SPLIT = "test"


def evaluate(
    model_dir: Path, shard_dir: Path, out: Path, settings: Settings, progress: Progress | None = None
) -> dict[str, Any]:
    """Relight, score and write below `out`: metrics.json, records.json, table.md, plots/, videos/, figures/.

    Of a clip, latents and a window of pixels are in memory at any time. Equal inputs give equal bytes.

    Args:
        model_dir: a model as training exports it.
        shard_dir: the shards; the test split's clips are taken in order of id.
        out: a folder; its ``videos``, ``plots`` and ``figures`` are replaced.
        settings: all settings; section `evaluate` says what is relit.
        progress: called with (``relighting``, frames relit, total frames).

    Returns:
        What metrics.json holds.

    Raises:
        MissingFile: there is no test split, or no model.
        UsageError: a light isn't a preset's name, or a clip has fewer than three frames.
    """
    lights = {name: preset(name) for name in settings.evaluate.lights}
    pipe = LCVDPipeline.from_pretrained(model_dir, device="cuda" if torch.cuda.is_available() else "cpu")
    pipe.set_progress_bar_config(disable=True)
    session = MetricSession((*open_metrics(), *settings.evaluate.published), settings, pipe.device)
    for name in ("videos", "plots", "figures"):
        shutil.rmtree(out / name, ignore_errors=True)
    chosen = _chosen(shard_dir, settings)
    known = [
        (not is_studio(sample), sample.id, frame_count(sample, settings))
        for sample in read_samples(shard_dir, SPLIT, chosen)
    ]
    _, drawn, _ = min(known)  # figures are of the first clip with a truth to show beside, else of the first
    ticker = Ticker(progress, len(lights) * sum(count for *_, count in known))
    results = Results()
    for sample in read_samples(shard_dir, SPLIT, chosen):
        with clip_counted(), tempfile.TemporaryDirectory() as scratch:
            clip = ScoredClip(sample, pipe, session, settings, Path(scratch))
            lit = clip.score(lights, out, results, ticker)
            if sample.id == drawn:
                clip.draw(lit, out / "figures")
    return write_results(out, results, _protocol(pipe.model, shard_dir, settings, results))


def _chosen(shards: Path, settings: Settings) -> set[str]:
    """Ids of the test clips that are evaluated."""
    ids = sorted(id for shard in read_index(shards, SPLIT)["shards"] for id in shard["ids"])
    if not ids:
        raise UsageError(f"{shards / SPLIT}: no test clip; raise shard.test_share, or add clips")
    return set(ids[: settings.evaluate.clips])


def _protocol(model: LCVD, shards: Path, settings: Settings, results: Results) -> dict[str, Any]:
    """How the numbers were made, for the records and the report."""
    splits = json.loads((shards / "splits.json").read_text(encoding="utf-8"))
    scored = {clip["identity"] for clip in results.clips}
    shared = {name for name, found in splits["identities"].items() if {"train", SPLIT} <= set(found)}
    metric = settings.filter.quality.metric
    quality = QUALITY_SCORES.get(metric)
    return {
        "profile": settings.profile,
        "seed": settings.seed,
        "train_steps": settings.train.steps,
        "parameters": sum(weight.numel() for weight in model.trainable()),
        "size": model.size,
        "window": model.frames,
        "frames": settings.evaluate.frames,
        "frames_scored": sum(video.frames for video in results.arms["model"]),
        **asdict(model.sampling.resolved(settings.evaluate.overrides)),
        "lights": list(settings.evaluate.lights),
        "quality": {
            "metric": metric,
            "limit": quality.limit(settings.filter.thresholds),
            "higher_is_better": quality.higher_is_better,
            "top": quality.top,
        },
        "codec_description": model.codec.description,
        "shared_identities": sorted(shared & scored),
        "shared_clips": sorted(clip["id"] for clip in results.clips if "train" in splits["clips"][clip["id"]]),
    }
