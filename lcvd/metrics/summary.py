"""From what was measured to records: per clip first, then over clips, so that long clips don't count more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.metrics.adjacent import NAME as ADJ
from lcvd.metrics.catalogue import METRICS
from lcvd.metrics.frechet import NAME as FD
from lcvd.metrics.frechet import FeatureSet, deficiency, frechet_distance
from lcvd.metrics.identity import NAME as ID
from lcvd.metrics.light_error import light_angle, light_error
from lcvd.metrics.measure import Measured
from lcvd.metrics.record import Protocol, Record, bootstrap_interval, mean_interval, versions_of

Array = NDArray[Any]
LE, ANGLE, POSE, PSNR = "LE(open)", "Light angle(open)", "POSE(MediaPipe)", "PSNR(studio)"


@dataclass(frozen=True)
class Scored:
    """One video of an arm: `clip`, the `target` light (9, 3) it is held against, and what was measured of it.

    Videos without a light of their own, such as the driving one, stand here once for each target.
    """

    clip: str
    light: str
    target: Array
    found: Array
    """Light found on the video, (T, 9, 3)."""
    measured: Measured | None = None
    """The rest; None where only the light means something."""
    psnr: float | None = None
    """Against the true relit video; None where there is none."""


def per_video(video: Scored) -> dict[str, float]:
    """A video's own numbers, by metric; those of sets of videos (FD) aren't among them."""
    numbers = {
        LE: float(light_error(video.found, video.target).mean()),
        ANGLE: float(np.nanmean(light_angle(video.found, video.target))),
    }
    if video.measured:
        numbers[ID] = float(np.nanmean(video.measured.likeness))
        numbers[POSE] = video.measured.pose.value
        numbers[ADJ] = float(video.measured.steps.mean())
    if video.psnr is not None:
        numbers[PSNR] = video.psnr
    return numbers


def by_light(videos: Sequence[Scored]) -> dict[str, dict[str, float]]:
    """Mean over clips of each metric, light by light."""
    lights = dict.fromkeys(video.light for video in videos)
    groups = {light: [per_video(video) for video in videos if video.light == light] for light in lights}
    return {
        light: {name: _mean([each[name] for each in found if name in each]) for name in _names(found)}
        for light, found in groups.items()
    }


def records(
    videos: Sequence[Scored], real: Mapping[str, FeatureSet], protocol: Protocol, repeated: bool = False
) -> list[Record]:
    """Records of one arm.

    Args:
        videos: all of the arm, clip by clip.
        real: features of the driving frames, by clip.
        protocol: how the arm was made; its seed is the bootstrap's too.
        repeated: the same video stands there for each light, so its frames count once.
    """
    clips = list(dict.fromkeys(video.clip for video in videos))
    numbers = {clip: [per_video(video) for video in videos if video.clip == clip] for clip in clips}
    once = [[v for v in videos if v.clip == clip][: 1 if repeated else None] for clip in clips]
    frames = sum(len(video.found) for group in once for video in group)
    found = []
    for name in _names([each for clip in clips for each in numbers[clip]]):
        values = [_mean([each[name] for each in numbers[clip] if name in each]) for clip in clips]
        poses = [v.measured.pose for group in once for v in group if v.measured]
        seen, missing = (sum(p.frames for p in poses), sum(p.missing for p in poses)) if name == POSE else (frames, 0)
        found.append(_record(name, _mean(values), clips, seen, protocol, mean_interval(values, protocol.seed), missing))
    if all(video.measured for video in videos):
        sets = [FeatureSet.union(v.measured.features for v in group if v.measured) for group in once]
        found.append(_distance([real[clip] for clip in clips], sets, clips, protocol))
    return found


def _distance(real: list[FeatureSet], made: list[FeatureSet], clips: list[str], protocol: Protocol) -> Record:
    def distance(weights: Sequence[int]) -> float:
        return frechet_distance(FeatureSet.union(real, weights), FeatureSet.union(made, weights))

    whole = FeatureSet.union(real), FeatureSet.union(made)
    interval = bootstrap_interval(len(clips), distance, protocol.seed)
    note = deficiency(*whole)
    return _record(FD, frechet_distance(*whole), clips, whole[1].count, protocol, interval, 0, (note,) if note else ())


def _record(
    name: str,
    value: float,
    clips: list[str],
    frames: int,
    protocol: Protocol,
    interval: tuple[float, float] | None,
    missing: int,
    notes: tuple[str, ...] = (),
) -> Record:
    metric = METRICS[name]
    return Record(
        name=name,
        value=value,
        clips=len(clips),
        frames=frames,
        direction=metric.direction,
        protocol=protocol,
        weights=metric.weights,
        sha256=metric.sha256,
        interval=interval,
        missing=missing,
        notes=notes,
        versions=versions_of(metric.packages),
    )


def _names(numbers: Sequence[Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for each in numbers for name in each))


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
