"""The face track of a clip: MediaPipe's 478 landmarks per frame, from one pass over the frames."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, key_of
from lcvd.config.filter import TrackSettings
from lcvd.ledger.tally import timed
from lcvd.video.clip import Clip
from lcvd.video.decode import frames

LANDMARKS = 478
_SMALL = 256


@dataclass(frozen=True)
class FaceTrack:
    """One face through T frames of a clip.

    landmarks (T, 478, 3) float32 in clip-frame pixels (z in the same unit, smaller is nearer), boxes (T, 4) float32
    (x0, y0, x1, y1), present (T,) bool, faces (T,) int32, the number of detected faces. Rows without a face are zero.
    """

    landmarks: np.ndarray
    boxes: np.ndarray
    present: np.ndarray
    faces: np.ndarray

    def save(self, path: Path) -> None:
        """Write as npz."""
        np.savez(path, **vars(self))

    @staticmethod
    def load(path: Path) -> FaceTrack:
        """Read a file written by `save`."""
        with np.load(path, allow_pickle=False) as arrays:
            return FaceTrack(**arrays)

    def slice(self, start: int, stop: int) -> FaceTrack:
        """Return the track of the frames ``start <= t < stop``."""
        return FaceTrack(**{name: array[start:stop] for name, array in vars(self).items()})

    def gaps(self) -> list[tuple[int, int]]:
        """Return the half-open runs of frames without a face, in order."""
        edges = np.flatnonzero(np.diff(~self.present, prepend=False, append=False))
        return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


class Tracker:
    """Tracks one face through windows of frames. Use a new tracker for each clip: MediaPipe keeps state between frames."""

    def __init__(self, settings: TrackSettings) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")
        with timed("load"):
            from mediapipe.python.solutions.face_mesh import FaceMesh  # slow to import, and only needed here

            self._mesh = FaceMesh(
                max_num_faces=2,
                refine_landmarks=True,
                min_detection_confidence=settings.min_confidence,
                min_tracking_confidence=settings.min_confidence,
            )
        self._rows: list[tuple[np.ndarray, int]] = []
        self._centre: np.ndarray | None = None

    def update(self, window: np.ndarray) -> FaceTrack:
        """Track the face in the next frames, (n, H, W, 3) uint8 RGB, and return their part of the track."""
        with timed("face mesh"):
            rows = [self._follow(image) for image in window]
        self._rows += rows
        return _track_of(rows)

    def finish(self) -> FaceTrack:
        """Return the track of all frames."""
        self._mesh.close()
        return _track_of(self._rows)

    def _follow(self, image: np.ndarray) -> tuple[np.ndarray, int]:
        height, width = image.shape[:2]
        found = self._mesh.process(_enlarged(image)).multi_face_landmarks or []
        if not found:
            return np.zeros((LANDMARKS, 3), np.float32), 0
        points = np.array([[(p.x, p.y, p.z) for p in face.landmark] for face in found], np.float32)
        points *= np.array([width, height, width], np.float32)
        centres, sizes = points[..., :2].mean(1), np.ptp(points[..., 1], axis=1)
        # Start with the largest face, then follow the face nearest to the previous position.
        pick = int(sizes.argmax() if self._centre is None else np.linalg.norm(centres - self._centre, axis=1).argmin())
        self._centre = centres[pick]
        return points[pick], len(found)


def face_track(clip: Clip, cache: Cache, settings: TrackSettings) -> FaceTrack:
    """Return the track of a clip. It is computed once and cached: stage `filter` computes it, `reconstruct` reuses it."""

    def make(folder: Path) -> None:
        store_track(folder, clip, settings, track_windows(clip, settings))

    return FaceTrack.load(cache.entry("track", track_key(clip, settings), make) / "track.npz")


def track_key(clip: Clip, settings: TrackSettings) -> str:
    """Return the cache key of a clip's track. A clip and its first ``max_frames`` frames have the same key."""
    looked_at = clip.part(0, settings.max_frames or clip.frames)
    return key_of(clip=looked_at.content(), settings=settings, code=code_key(__name__))


def track_windows(clip: Clip, settings: TrackSettings) -> Iterator[np.ndarray]:
    """Decode the windows of frames that the tracker needs. Other consumers of the frames share this pass."""
    return frames(clip, settings.window, settings.max_frames or None)


def store_track(folder: Path, clip: Clip, settings: TrackSettings, windows: Iterator[np.ndarray]) -> None:
    """Track the face through `windows` and write the track into a cache entry's `folder`."""
    tracker = Tracker(settings)
    for window in windows:
        tracker.update(window)
    tracker.finish().save(folder / "track.npz")


def _track_of(rows: list[tuple[np.ndarray, int]]) -> FaceTrack:
    landmarks = np.stack([row for row, _ in rows]) if rows else np.zeros((0, LANDMARKS, 3), np.float32)
    faces = np.array([count for _, count in rows], np.int32)
    boxes = np.concatenate([landmarks[..., :2].min(1), landmarks[..., :2].max(1)], -1)
    return FaceTrack(landmarks, boxes.astype(np.float32), faces > 0, faces)


def _enlarged(image: np.ndarray) -> np.ndarray:
    """Enlarge small images by 2, because MediaPipe misses small faces in them."""
    if min(image.shape[:2]) >= _SMALL:
        return np.ascontiguousarray(image)
    import cv2

    return cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
