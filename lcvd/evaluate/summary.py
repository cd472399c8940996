"""Records from scores: averaged per clip first and then over clips, so that long clips don't count more."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lcvd.evaluate.record import Record, Setup, bootstrap_interval, mean_interval, versions_of
from lcvd.metrics.base import VideoScores
from lcvd.metrics.frechet import FeatureSet, deficiency, frechet_distance
from lcvd.metrics.registry import METRICS


def per_video(video: VideoScores) -> dict[str, float]:
    """A video's scores by metric, without distances between sets of videos (FD, FID, FVD)."""
    return {name: reading.value for name, reading in video.scores.items()}


def by_light(videos: Sequence[VideoScores]) -> dict[str, dict[str, float]]:
    """Mean over clips of each metric, by light."""
    lights = dict.fromkeys(video.light for video in videos)
    groups = {light: [per_video(video) for video in videos if video.light == light] for light in lights}
    return {
        light: {name: _mean([each[name] for each in found if name in each]) for name in _names(found)}
        for light, found in groups.items()
    }


def records(
    videos: Sequence[VideoScores],
    real: Mapping[str, Mapping[str, FeatureSet]],
    setup: Setup,
    repeated: bool = False,
) -> list[Record]:
    """Records of one method.

    Args:
        videos: all videos of the method, clip by clip.
        real: features of the real frames, by clip and metric.
        setup: how the videos were made and measured. Its seed is also the bootstrap's.
        repeated: all lights have the same video, so its frames count once.
    """
    clips = list(dict.fromkeys(video.clip for video in videos))
    groups = [[video for video in videos if video.clip == clip] for clip in clips]
    once = [group[: 1 if repeated else None] for group in groups]
    found = []
    for name in _names([video.scores for video in videos]):
        values = [_mean([v.scores[name].value for v in group if name in v.scores]) for group in groups]
        seen = [v.scores[name] for group in once for v in group if name in v.scores]
        counts = {"frames": sum(each.frames for each in seen), "missing": sum(each.missing for each in seen)}
        found.append(_record(name, _mean(values), len(clips), setup, mean_interval(values, setup.seed), **counts))
    for name in _names([video.sets for video in videos]):
        made = [FeatureSet.union(v.sets[name] for v in group) for group in once]
        frames = sum(v.frames for group in once for v in group)
        found.append(_distance(name, [real[clip][name] for clip in clips], made, frames, setup))
    return found


def _distance(name: str, real: list[FeatureSet], made: list[FeatureSet], frames: int, setup: Setup) -> Record:
    biased = METRICS.get(name).biased

    def distance(weights: Sequence[int]) -> float:
        return frechet_distance(FeatureSet.union(real, weights), FeatureSet.union(made, weights), biased)

    whole = FeatureSet.union(real), FeatureSet.union(made)
    counts = (whole[0].count, whole[1].count)
    note = deficiency(*whole)
    if min(counts) < 2:  # one clip of one video has no covariance
        note = f"{counts[0]} real and {counts[1]} generated rows: a covariance needs 2 of each"
        return _record(name, float("nan"), len(real), setup, None, frames=frames, samples=counts, notes=(note,))
    interval = bootstrap_interval(len(real), distance, setup.seed)
    notes = (note,) if note else ()
    value = frechet_distance(*whole, biased)
    return _record(name, value, len(real), setup, interval, frames=frames, samples=counts, notes=notes)


def _record(
    name: str, value: float, clips: int, setup: Setup, interval: tuple[float, float] | None, **measured: Any
) -> Record:
    metric = METRICS.get(name)
    weights, sha256 = metric.hashes()
    return Record(
        name=name,
        value=value,
        clips=clips,
        direction=metric.direction,
        setup=setup,
        weights=weights,
        sha256=sha256,
        interval=interval,
        versions=versions_of(metric.packages),
        **measured,
    )


def _names(numbers: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for each in numbers for name in each))


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
