"""Everything the filter knows of a clip, from one pass over its frames, kept in the cache."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, key_of
from lcvd.config.filter import FilterSettings
from lcvd.face.detect import share_with_several
from lcvd.face.track import FaceTrack, face_track, store_track, track_key, track_windows
from lcvd.filter.face_signature import Looks, looks_of
from lcvd.filter.image_quality import protocol, sampled, score_clip
from lcvd.filter.sharpness import face_sharpness
from lcvd.filter.shots import ShotDetector, longest_shot
from lcvd.video.clip import Clip
from lcvd.video.decode import read


@dataclass(frozen=True)
class Analysis:
    """Measurements over the longest shot of a clip; thresholds are applied by `decide`, not here."""

    frames: int
    """Frames looked at (``track.max_frames`` may end a clip early)."""
    shot: tuple[int, int]
    """Half-open range of the longest shot; all that follows is about these frames."""
    gaps: tuple[tuple[int, int], ...]
    """Half-open runs of the shot's frames without a face, counted from its first."""
    many_share: float
    """Share of frames with more than one face, as far as a second detector confirms them."""
    face_px: float
    """Median larger side of the face box, in pixels; 0 without a face."""
    jump: float
    """Largest move of the face centre between neighbouring frames, in sizes of the face."""
    sharpness: float
    """Median `face_sharpness` over the scored frames; 0 without a face."""
    quality: float | None
    """The picture-quality score, None with metric ``none``."""
    scored: Mapping[str, Any]
    """How it was scored, as `lcvd.filter.image_quality.protocol` says."""
    looks: Looks
    """What the face looks like: for comparing clips, and the clip's end with its beginning."""


def analyse(clip: Clip, cache: Cache, settings: FilterSettings) -> Analysis:
    """Measure a clip, or find the measurements in the cache. The face track is left there for `reconstruct`.

    Raises:
        MissingWeights, ModelError, ModuleNotFoundError: what the metric needs isn't there.
        ClipError: the clip doesn't decode.
    """
    scored = protocol(settings.quality)
    key = key_of(
        clip=clip.content(), track=settings.track, frames=settings.quality.frames, scored=scored,
        shots=settings.shot_threshold, code=code_key(__name__),
    )  # fmt: skip

    def make(folder: Path) -> None:
        analysis = _measure(clip, cache, settings, scored)
        (folder / "analysis.json").write_text(
            json.dumps(dataclasses.asdict(analysis), sort_keys=True), encoding="utf-8"
        )

    record = json.loads((cache.entry("analysis", key, make) / "analysis.json").read_text(encoding="utf-8"))
    gaps = tuple((start, stop) for start, stop in record["gaps"])
    looks = Looks(**{**record["looks"], "hashes": tuple(record["looks"]["hashes"])})
    return Analysis(**{**record, "shot": tuple(record["shot"]), "gaps": gaps, "looks": looks})


class _Pass:
    """What rides along while the track is made: shots, and the few frames that are scored."""

    def __init__(self, clip: Clip, settings: FilterSettings) -> None:
        self.total = min(clip.frames, settings.track.max_frames or clip.frames)
        self.shots = ShotDetector(clip.fps, settings.shot_threshold)
        self.wanted = sampled(self.total, settings.quality.frames)
        self.images: dict[int, np.ndarray] = {}

    def over(self, windows: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        seen = 0
        for window in windows:
            self.shots.update(window)
            self.images |= {i: window[i - seen].copy() for i in self.wanted if seen <= i < seen + len(window)}
            seen += len(window)
            yield window


def _measure(clip: Clip, cache: Cache, settings: FilterSettings, scored: Mapping[str, Any]) -> Analysis:
    riders = _Pass(clip, settings)

    def make(folder: Path) -> None:
        store_track(folder, clip, settings.track, riders.over(track_windows(clip, settings.track)))

    track = FaceTrack.load(cache.entry("track", track_key(clip, settings.track), make) / "track.npz")
    if not riders.images:  # the track was there already: only the rest has to see the frames
        for _ in riders.over(track_windows(clip, settings.track)):
            pass
    start, stop = longest_shot(riders.total, riders.shots.finish())
    images = riders.images
    if stop - start < riders.total:  # the samples were spread over other shots too
        images = _read(clip, [start + i for i in sampled(stop - start, settings.quality.frames)])
    shot = _shot_track(clip, track, start, stop, cache, settings)
    sharp = [face_sharpness(image, shot.boxes[i - start]) for i, image in images.items() if shot.present[i - start]]
    many = np.flatnonzero(shot.faces > 1)
    doubted = [start + int(many[i]) for i in sampled(len(many), settings.quality.frames)] if len(many) else []
    confirmed = share_with_several(_read(clip, doubted).values()) if doubted else 0.0
    return Analysis(
        frames=riders.total,
        shot=(start, stop),
        gaps=tuple(shot.gaps()),
        many_share=confirmed * float(np.mean(shot.faces > 1)),
        face_px=_face_px(shot),
        jump=_jump(shot),
        sharpness=float(np.median(sharp)) if sharp else 0.0,
        quality=score_clip(clip.part(start, stop), list(images.values()), settings.quality),
        scored=scored,
        looks=looks_of(images, {i: shot.landmarks[i - start] for i in images if shot.present[i - start]}),
    )


def _shot_track(
    clip: Clip, track: FaceTrack, start: int, stop: int, cache: Cache, settings: FilterSettings
) -> FaceTrack:
    """The track of a shot, left in the cache for later stages, which see the shot as a clip of its own.

    The beginning of a track is the track of the beginning. Later shots are tracked anew: the tracker would remember the
    shot before, and the result would depend on whether the cache still holds what was cut out here.
    """
    part = clip.part(start, stop)
    if start:
        return face_track(part, cache, settings.track)
    shot = track.slice(0, stop)
    cache.entry("track", track_key(part, settings.track), lambda folder: shot.save(folder / "track.npz"))
    return shot


def _read(clip: Clip, indices: list[int]) -> dict[int, np.ndarray]:
    return dict(zip(indices, read(clip, indices), strict=True))


def _sides(track: FaceTrack) -> np.ndarray:
    return (track.boxes[:, 2:] - track.boxes[:, :2]).max(1)


def _face_px(track: FaceTrack) -> float:
    sides = _sides(track)[track.present]
    return float(np.median(sides)) if len(sides) else 0.0


def _jump(track: FaceTrack) -> float:
    """Between frames that follow each other and both show a face; 0 where there are none."""
    both = track.present[1:] & track.present[:-1]
    if not both.any():
        return 0.0
    centres = (track.boxes[:, :2] + track.boxes[:, 2:]) / 2
    moves = np.linalg.norm(np.diff(centres, axis=0), axis=1) / np.maximum(_sides(track)[:-1], 1e-6)
    return float(moves[both].max())
