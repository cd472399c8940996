"""Jitter against noise whose size is known, on motion that has none."""

import numpy as np
import pytest

from lcvd.face.codes import FaceCodes
from lcvd.face.fit import EYE_CORNERS
from lcvd.face.geometry import whole_square
from lcvd.face.jitter import jitter, landmark_jitter, light_jitter, pose_jitter
from lcvd.face.track import LANDMARKS, FaceTrack

T = 400
TIME = np.arange(T)
ALL = np.ones(T, bool)


def test_noise_is_measured_through_motion_and_jumps() -> None:
    rng = np.random.default_rng(0)
    motion = np.stack([np.sin(TIME / 20), 0.01 * TIME, np.zeros(T)], 1)
    motion[::50] += 3  # blinks
    assert jitter(motion, ALL).max() < 0.002
    for size in (0.05, 0.5):
        found = jitter(motion + rng.normal(0, size, motion.shape), ALL)
        np.testing.assert_allclose(found, size, rtol=0.2)


def test_frames_that_are_not_there_do_not_count() -> None:
    rng = np.random.default_rng(0)
    values, there = rng.normal(0, 0.1, (T, 1)), ALL.copy()
    values[100:150] = 1e3 * rng.normal(size=(50, 1))
    there[100:150] = False
    assert jitter(values, there)[0] == pytest.approx(0.1, rel=0.2)
    assert jitter(values[:2], there[:2]) is None
    assert jitter(values, ~ALL) is None


def codes(pose: np.ndarray, light: np.ndarray) -> FaceCodes:
    zeros = {"expression": np.zeros((T, 52)), "camera": np.zeros((T, 3)), "identity": np.zeros(4)}
    square = np.array([0, 0, 64])
    return FaceCodes("open-head/1", crop=whole_square(square, T), square=square, confidence=np.ones(T), pose=pose, light=light,
                     **zeros)  # fmt: skip


def test_each_score_has_its_unit() -> None:
    rng = np.random.default_rng(0)
    pose = rng.normal(0, np.radians(1), (T, 3))
    light = np.ones((T, 9, 3)) * 2
    light[:, 4, 1] += rng.normal(0, 0.1, T)
    seen = codes(pose, light)
    assert pose_jitter(seen) == pytest.approx(3**0.5, rel=0.1)  # a degree about each axis
    assert light_jitter(seen) == pytest.approx(0.05, rel=0.2)

    landmarks = np.zeros((T, LANDMARKS, 3), np.float32)
    landmarks[:, EYE_CORNERS[0], 0] = 100
    still = FaceTrack(landmarks, np.zeros((T, 4), np.float32), ALL, np.ones(T, np.int32))
    assert landmark_jitter(still) == 0
    shaken = landmarks + rng.normal(0, 1, (T, 1, 1)).astype(np.float32)
    found = landmark_jitter(FaceTrack(shaken, still.boxes, ALL, still.faces))
    assert found == pytest.approx(2**0.5 / 100, rel=0.15)  # a pixel along each axis, of 100
    nobody = FaceTrack(landmarks, still.boxes, ~ALL, still.faces)
    assert landmark_jitter(nobody) is None
