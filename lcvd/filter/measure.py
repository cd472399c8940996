"""Take all measurements of a clip that the filter needs, in one pass over its frames, and cache them."""

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
from lcvd.filter.face_signature import FaceSignature, face_signature
from lcvd.filter.image_quality import evenly_spaced, quality_provenance, score_clip
from lcvd.filter.sharpness import face_sharpness
from lcvd.filter.shots import ShotDetector, longest_shot
from lcvd.video.clip import Clip
from lcvd.video.decode import read


@dataclass(frozen=True)
class Measurements:
    """Measurements over the longest shot of a clip. `decide` applies the thresholds."""

    frames: int
    """Number of frames read (``track.max_frames`` may limit it)."""
    shot: tuple[int, int]
    """Half-open frame range of the longest shot. All following measurements are of this range."""
    gaps: tuple[tuple[int, int], ...]
    """Half-open runs of frames without a face, counted from the first frame of the shot."""
    many_share: float
    """Fraction of frames with more than one face, multiplied by the fraction that a second detector confirms."""
    face_px: float
    """Median over the frames of the longer side of the face's bounding box, in pixels; 0 without a face."""
    jump: float
    """Largest displacement of the face centre between consecutive frames, as a fraction of the face size."""
    sharpness: float
    """Median `face_sharpness` over the sampled frames; 0 without a face."""
    quality: float | None
    """Image quality score; None with metric ``none``."""
    scored: Mapping[str, Any]
    """How the quality was scored: `lcvd.filter.image_quality.quality_provenance`."""
    signature: FaceSignature
    """Hashes, embedding and occlusion of the face."""


def measure(clip: Clip, cache: Cache, settings: FilterSettings) -> Measurements:
    """Measure a clip, or load its measurements from the cache. Also caches the face track, for stage `reconstruct`.

    Raises:
        MissingWeights, ModelError, ModuleNotFoundError: the weights or the package of the quality metric are missing.
        ClipError: the clip can't be decoded.
    """
    scored = quality_provenance(settings.quality)
    key = key_of(
        clip=clip.content(), track=settings.track, frames=settings.quality.frames, scored=scored,
        shots=settings.shot_threshold, code=code_key(__name__),
    )  # fmt: skip

    def make(folder: Path) -> None:
        found = _measure(clip, cache, settings, scored)
        (folder / "analysis.json").write_text(json.dumps(dataclasses.asdict(found), sort_keys=True), encoding="utf-8")

    record = json.loads((cache.entry("analysis", key, make) / "analysis.json").read_text(encoding="utf-8"))
    gaps = tuple((start, stop) for start, stop in record["gaps"])
    signature = FaceSignature.of(record["signature"])
    return Measurements(**{**record, "shot": tuple(record["shot"]), "gaps": gaps, "signature": signature})


class _FrameObserver:
    """Detects shots and collects the sampled frames while the windows are passed on to the face tracker."""

    def __init__(self, clip: Clip, settings: FilterSettings) -> None:
        self.total = min(clip.frames, settings.track.max_frames or clip.frames)
        self.shots = ShotDetector(clip.fps, settings.shot_threshold)
        self.wanted = evenly_spaced(self.total, settings.quality.frames)
        self.images: dict[int, np.ndarray] = {}

    def observe(self, windows: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        seen = 0
        for window in windows:
            self.shots.update(window)
            self.images |= {i: window[i - seen].copy() for i in self.wanted if seen <= i < seen + len(window)}
            seen += len(window)
            yield window


def _measure(clip: Clip, cache: Cache, settings: FilterSettings, scored: Mapping[str, Any]) -> Measurements:
    observer = _FrameObserver(clip, settings)

    def make(folder: Path) -> None:
        store_track(folder, clip, settings.track, observer.observe(track_windows(clip, settings.track)))

    track = FaceTrack.load(cache.entry("track", track_key(clip, settings.track), make) / "track.npz")
    if not observer.images:  # the track was cached, so the observer has not seen the frames yet
        for _ in observer.observe(track_windows(clip, settings.track)):
            pass
    start, stop = longest_shot(observer.total, observer.shots.finish())
    images = observer.images
    if stop - start < observer.total:  # some sampled frames are outside the longest shot
        images = _read(clip, [start + i for i in evenly_spaced(stop - start, settings.quality.frames)])
    shot = _shot_track(clip, track, start, stop, cache, settings)
    sharpness = [face_sharpness(image, shot.boxes[i - start]) for i, image in images.items() if shot.present[i - start]]
    many = np.flatnonzero(shot.faces > 1)
    unconfirmed = [start + int(many[i]) for i in evenly_spaced(len(many), settings.quality.frames)] if len(many) else []
    confirmed = share_with_several(_read(clip, unconfirmed).values()) if unconfirmed else 0.0
    return Measurements(
        frames=observer.total,
        shot=(start, stop),
        gaps=tuple(shot.gaps()),
        many_share=confirmed * float(np.mean(shot.faces > 1)),
        face_px=_face_px(shot),
        jump=_jump(shot),
        sharpness=float(np.median(sharpness)) if sharpness else 0.0,
        quality=score_clip(clip.part(start, stop), list(images.values()), settings.quality),
        scored=scored,
        signature=face_signature(images, {i: shot.landmarks[i - start] for i in images if shot.present[i - start]}),
    )


def _shot_track(
    clip: Clip, track: FaceTrack, start: int, stop: int, cache: Cache, settings: FilterSettings
) -> FaceTrack:
    """Return the face track of a shot, and cache it for later stages, which treat the shot as a clip.

    The track of a clip's first shot is a slice of the clip's track. A later shot is tracked separately, because the
    tracker's state depends on the frames before it and the result must not depend on what is cached.
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
    """Return the largest displacement between consecutive frames that both show a face; 0 if there are none."""
    both = track.present[1:] & track.present[:-1]
    if not both.any():
        return 0.0
    centres = (track.boxes[:, :2] + track.boxes[:, 2:]) / 2
    moves = np.linalg.norm(np.diff(centres, axis=0), axis=1) / np.maximum(_sides(track)[:-1], 1e-6)
    return float(moves[both].max())
