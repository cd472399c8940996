"""Measurements of clips composed of real frames; one decoding pass; the cache."""

import cv2
import numpy as np
import pytest

from lcvd.face import track as track_module
from lcvd.face.track import face_track
from lcvd.filter import measure as module
from lcvd.filter.measure import measure
from lcvd.video.decode import decode_bytes

PAIR = ("lp_d10_woman_talk_greywall.mp4", "lp_d06_woman_expressions_cool.mp4")


def test_all_measurements_are_of_the_longest_shot(carphone, clip_from, cache, settings) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (14, 144, 176, 3), dtype=np.uint8)
    noise = np.stack([cv2.GaussianBlur(frame, (0, 0), 4) for frame in noise[:1]] * 14)
    found = measure(clip_from(np.concatenate([noise, carphone[:26]])), cache, settings)
    assert (found.frames, found.shot) == (40, (14, 40))
    assert found.gaps == ()
    assert 50 < found.face_px < 70
    assert found.sharpness > 50


def test_frames_with_two_faces_are_counted(carphone, clip_from, cache, settings) -> None:
    one = carphone[:20]
    two = np.concatenate([one, one[:, :, ::-1]], axis=2)
    found = measure(clip_from(two, "two"), cache, settings)
    assert found.many_share > 0.8
    assert measure(clip_from(one, "one"), cache, settings).many_share == 0.0


def test_a_displaced_face_is_a_jump(carphone, clip_from, cache, settings) -> None:
    wide = np.concatenate([carphone[:20], np.zeros_like(carphone[:20])], axis=2)
    wide[10:] = wide[10:, :, ::-1]
    shifted = measure(clip_from(wide), cache, settings.model_copy(update={"shot_threshold": 1000.0}))
    assert shifted.shot == (0, 20)
    still = measure(clip_from(carphone[:20], "still"), cache, settings)
    assert still.jump < 0.1
    assert shifted.jump > 1


def test_blur_is_measured(carphone, clip_from, cache, settings) -> None:
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 3) for frame in carphone[:16]])
    sharp = measure(clip_from(carphone[:16], "sharp"), cache, settings).sharpness
    assert measure(clip_from(blurred, "blurred"), cache, settings).sharpness < sharp / 5


def test_max_frames_limits_the_frames_used(carphone, clip_from, cache, settings) -> None:
    fewer = settings.model_copy(update={"track": settings.track.model_copy(update={"max_frames": 18, "window": 7})})
    assert measure(clip_from(carphone), cache, fewer).frames == 18


def test_the_clip_is_decoded_once_and_the_track_cached_for_reconstruct(
    carphone, clip_from, cache, settings, monkeypatch
):
    passes = []
    decode = track_module.frames
    monkeypatch.setattr(track_module, "frames", lambda *args: passes.append(args) or decode(*args))
    monkeypatch.setattr(module, "read", lambda *_: pytest.fail("decoded again"))
    clip = clip_from(carphone[:20])
    first = measure(clip, cache, settings)
    assert face_track(clip, cache, settings.track).present.shape == (20,)
    assert measure(clip, cache, settings) == first
    assert len(passes) == 1


def test_another_metric_does_not_repeat_the_tracking(carphone, clip_from, cache, settings, monkeypatch):
    clip = clip_from(carphone[:16])
    first = measure(clip, cache, settings)
    monkeypatch.setattr(track_module, "Tracker", lambda *_: pytest.fail("tracked again"))
    second = measure(
        clip, cache, settings.model_copy(update={"quality": settings.quality.model_copy(update={"metric": "none"})})
    )
    assert second.quality is None
    assert (second.face_px, second.sharpness, second.shot) == (first.face_px, first.sharpness, first.shot)


def test_a_change_of_person_without_a_cut_is_detected(clips_dir, clip_from, cache, settings) -> None:
    one, other = (
        np.stack([cv2.resize(frame, (480, 480)) for frame in decode_bytes((clips_dir / name).read_bytes(), range(48))])
        for name in PAIR
    )
    share = np.clip((np.arange(48) - 12) / 24, 0, 1)[:, None, None, None]
    morph = (one * (1 - share) + other * share).astype(np.uint8)
    settings = settings.model_copy(
        update={"quality": settings.quality.model_copy(update={"frames": 8, "metric": "none"})}
    )
    morphed = measure(clip_from(morph, "morph"), cache, settings)
    assert morphed.shot == (0, 48)
    assert morphed.signature.same_face < 0.3
    assert measure(clip_from(one, "one"), cache, settings).signature.same_face > 0.6
