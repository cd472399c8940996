"""Occluders painted over real faces are detected by colour; shading is not mistaken for occlusion."""

import cv2
import numpy as np
import pytest

from lcvd.config.filter import TrackSettings
from lcvd.face.embedding import five_points, opencv_align
from lcvd.face.track import FaceTrack, Tracker
from lcvd.filter.occlusion import occluded_fraction
from lcvd.video.decode import decode_bytes


def tracked(images: np.ndarray) -> FaceTrack:
    tracker = Tracker(TrackSettings())
    track = tracker.update(images)
    tracker.finish()
    return track


def hidden(images: np.ndarray, track: FaceTrack) -> float:
    return occluded_fraction(opencv_align(images, five_points(track.landmarks)))


def with_mask(images: np.ndarray, track: FaceTrack, which: range) -> np.ndarray:
    """A blue cloth over the lower half of the face."""
    out = images.copy()
    for i in which:
        x0, y0, x1, y1 = track.boxes[i]
        cv2.rectangle(out[i], (int(x0), int(y0 + 0.55 * (y1 - y0))), (int(x1), int(y1)), (120, 170, 200), -1)
    return out


@pytest.fixture(scope="module")
def seen(carphone) -> tuple[np.ndarray, FaceTrack]:
    images = carphone[::5]
    return images, tracked(images)


def test_a_cloth_is_detected_even_in_a_quarter_of_the_frames(seen) -> None:
    images, track = seen
    assert hidden(images, track) < 0.05
    always = hidden(with_mask(images, track, range(len(images))), track)
    assert 0.2 < always < 0.5
    assert hidden(with_mask(images, track, range(2, 4)), track) == pytest.approx(always, abs=0.15)
    assert hidden(with_mask(images, track, range(2, 4)), track) > 0.2


def test_shading_is_not_occlusion(seen) -> None:
    images, track = seen
    ramp = np.linspace(0.3, 1.4, images.shape[2])[None, None, :, None]
    half = np.where(np.arange(images.shape[2]) < images.shape[2] // 2, 0.4, 1.0)[None, None, :, None]
    for light in (ramp, half, np.array([1.0, 0.85, 0.7]), np.array([0.75, 0.9, 1.0])):
        lit = np.clip(images * light, 0, 255).astype(np.uint8)
        assert hidden(lit, track) < 0.1
    grey = images.mean(-1, keepdims=True).repeat(3, -1).astype(np.uint8)
    assert hidden(grey, track) == 0


def test_faces_of_real_clips_are_not_occluded(clips_dir) -> None:
    for path in sorted(clips_dir.glob("lp_d*.mp4"))[:3]:
        images = decode_bytes(path.read_bytes(), range(0, 70, 10))
        track = tracked(images)
        assert hidden(images, track) < 0.1, path
        assert hidden(with_mask(images, track, range(len(images))), track) > 0.2, path
