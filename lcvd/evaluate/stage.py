"""Stage `evaluate`: the model and baselines on the test split's clips, under preset lights."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lcvd.array import Array
from lcvd.cache.store import Cache
from lcvd.config.settings import Settings
from lcvd.device import default_device
from lcvd.errors import UsageError
from lcvd.evaluate.engine import Engine
from lcvd.evaluate.figures.layout import write_sheet, write_tiles
from lcvd.evaluate.figures.paper import Moment, lights_figure, paper_figures
from lcvd.evaluate.inputs.base import Input, TargetLight, VideoRequest
from lcvd.evaluate.inputs.shards import frame_count, shard_input
from lcvd.evaluate.methods.base import Options
from lcvd.evaluate.methods.registry import DRIVING, METHODS, OURS
from lcvd.evaluate.protocol import Protocol
from lcvd.evaluate.records_file import write_records
from lcvd.evaluate.result_folders import read_result
from lcvd.evaluate.truth import is_studio
from lcvd.evaluate.write import write_numbers
from lcvd.filter.scores.registry import QUALITY_SCORES
from lcvd.ledger.tally import clip_counted
from lcvd.light.presets import preset
from lcvd.metrics.measure import regrouped
from lcvd.metrics.registry import open_metrics
from lcvd.metrics.session import MetricSession
from lcvd.progress import Progress
from lcvd.render.hints import WINDOW
from lcvd.shard.sample import read_index, read_samples
from lcvd.video.encode import write_browser

SPLIT = "test"


def evaluate(
    model_dir: Path,
    shard_dir: Path,
    out: Path,
    settings: Settings,
    progress: Progress = lambda phase, done, total: None,
) -> dict[str, Any]:
    """Relight, measure and write below `out`: records.json, metrics.json, plots/, videos/, figures/.

    Latents of a clip and a window of its frames are in memory at a time. Equal inputs give equal bytes.

    Args:
        model_dir: a model as training exports it.
        shard_dir: the shards; the test split's clips are taken in order of id.
        out: a folder; its ``videos``, ``plots`` and ``figures`` are replaced.
        settings: all settings; section `evaluate` decides what is relit.
        progress: called with (``relighting``, frames that the model has relit, total frames).

    Returns:
        The content of metrics.json.

    Raises:
        MissingFile: there is no test split, or no model.
        UsageError: a light isn't a preset's name, or a clip has fewer than three frames.
    """
    lights = [TargetLight(name, preset(name)) for name in settings.evaluate.lights]
    options = Options(settings, model_dir, default_device())
    methods = {name: METHODS.get(name)(options) for name in dict.fromkeys((OURS, DRIVING, *settings.evaluate.methods))}
    sampling = options.pipe.sampling.resolved(settings.evaluate.overrides)
    metrics, size, count = (
        (*open_metrics(), *settings.evaluate.published),
        options.pipe.model.size,
        settings.evaluate.frames,
    )
    session = MetricSession(metrics, settings, options.device)
    for name in ("videos", "plots", "figures"):
        shutil.rmtree(out / name, ignore_errors=True)
    chosen = _chosen(shard_dir, settings)
    known = [
        (not is_studio(each), each.id, frame_count(each, count)) for each in read_samples(shard_dir, SPLIT, chosen)
    ]
    _, drawn, _ = min(known)  # figures show the first clip with a ground truth, else the first clip
    protocol = Protocol(
        name="test-split", title="Test clips", task="relight", frames=count, size=size,
        lights=settings.evaluate.lights, metrics=metrics,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        engine = Engine(
            protocol, settings, session, methods, Cache(scratch / "cache"), scratch / "results",
            f"the {count} frames after a clip's first, or as many as it has",
            _counted(progress, len(lights) * sum(frames for *_, frames in known)),
        )  # fmt: skip
        for sample in read_samples(shard_dir, SPLIT, chosen):
            with clip_counted():
                source = shard_input(sample, count, size, scratch / "truth")
                moment = Moment(source, lights, engine.add(source, lights), methods)
                for light in lights:
                    _write_videos(out / "videos", source, light, moment.videos)
                write_sheet(out / "plots" / f"{source.id}.png", lights_figure(moment).rows)
                if sample.id == drawn:
                    figures = paper_figures(moment, options.pipe, sampling, settings.seed)
                    write_tiles(out / "figures", drawn, moment.at + 1, figures)
            for each in scratch.iterdir():  # the clip's videos are no longer needed
                shutil.rmtree(each)
    full = write_records(out / "records.json", engine.content({}, *_circumstances(shard_dir, settings, engine.inputs)))
    return write_numbers(out, full, engine.scores[OURS])


def _chosen(shards: Path, settings: Settings) -> set[str]:
    """Ids of the test clips that are evaluated."""
    ids = sorted(id for shard in read_index(shards, SPLIT)["shards"] for id in shard["ids"])
    if not ids:
        raise UsageError(f"{shards / SPLIT}: no test clip; raise shard.test_share, or add clips")
    return set(ids[: settings.evaluate.clips])


def _counted(progress: Progress, total: int) -> Callable[[Input, TargetLight, str, float], None]:
    """Convert the engine's progress to the number of frames that the model has relit."""
    done: dict[tuple[str, str], int] = {}

    def count(source: Input, light: TargetLight, method: str, share: float) -> None:
        if method == OURS:
            done[source.id, light.name] = int(source.codes.frames * share)
            progress("relighting", sum(done.values()), total)

    return count


def _write_videos(folder: Path, source: Input, light: TargetLight, videos: Mapping[tuple[str, str], Path]) -> None:
    """The model's video, alone and next to the driving video, the hints and the ground truth, if there is one."""
    truth, made, stem = source.truth(light.name), videos[OURS, light.name], f"{source.id}_{light.name}"
    columns: list[Iterator[Array]] = [
        source.frames(),
        VideoRequest(source, light, 0).hints.windows(),
        read_result(made),
    ]
    if truth:
        columns.append(read_result(truth.frames))
    beside = zip(*(regrouped(column, WINDOW) for column in columns), strict=True)
    write_browser(folder / f"{stem}.mp4", read_result(made), source.fps)
    write_browser(folder / f"{stem}_side.mp4", (np.concatenate(windows, axis=2) for windows in beside), source.fps)


def _circumstances(
    shards: Path, settings: Settings, inputs: Sequence[Mapping[str, Any]]
) -> tuple[list[str], dict[str, Any]]:
    """Caveats, and the entry `run` of the records: how training, filter and splits affect the numbers."""
    splits = json.loads((shards / "splits.json").read_text(encoding="utf-8"))
    people = {each["identity"] for each in inputs}
    shared = sorted(name for name in people if {"train", SPLIT} <= set(splits["identities"].get(name, ())))
    metric = settings.filter.quality.metric
    quality = QUALITY_SCORES.get(metric)
    run = {
        "profile": settings.profile,
        "seed": settings.seed,
        "train_steps": settings.train.steps,
        "quality": {
            "metric": metric,
            "limit": quality.limit(settings.filter.thresholds),
            "higher_is_better": quality.higher_is_better,
            "top": quality.top,
        },
        "shared_identities": shared,
        "shared_clips": sorted(each["id"] for each in inputs if "train" in splits["clips"][each["id"]]),
    }
    notes = ["Training and test share identities: the numbers don't show how well the model does on a new person."]
    return notes if shared else [], run
