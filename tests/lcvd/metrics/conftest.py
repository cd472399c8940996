"""Made-up videos of an evaluation, as factories."""

import numpy as np
import pytest

from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import whole_square
from lcvd.face.head import load_head
from lcvd.light.presets import preset
from lcvd.metrics.base import FrameWindow, Score, VideoScores
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.light_error import light_angle, light_error
from lcvd.metrics.registry import open_metrics

LE, ANGLE, ID, POSE, ADJ, FD = open_metrics()

T = 6
SIZE, FRAMES = 96, 3


def _video(clip, light, likeness=0.5, pose=2.0, missing=1, seed=0):
    rng = np.random.default_rng(seed)
    target = preset(light)
    found = np.broadcast_to(target, (T, 9, 3)) + np.float32(0.1)
    error, angle = light_error(found, target), light_angle(found, target)
    scores = {
        LE: Score(float(error.mean()), T),
        ANGLE: Score(float(angle.mean()), T),
        ID: Score(likeness, T),
        POSE: Score(pose, T - missing, missing),
        ADJ: Score(0.25, T),
    }
    sets = {FD: FeatureSet.of(rng.normal(size=(T, 4)))}
    per_frame = {"light_error": error, "light_angle": angle, "likeness": np.full(T, likeness)}
    return VideoScores(clip, light, scores, sets, T, per_frame)


def windows_of(frames, length):
    """The frames as windows of `length` for an accumulator that needs no face."""
    for start in range(0, len(frames), length):
        part = frames[start : start + length]
        yield FrameWindow(part, start, np.zeros((len(part), 5, 2)), lambda: None)


def _real(*clips):
    return {clip: {FD: FeatureSet.of(np.random.default_rng(9).normal(size=(T, 4)))} for clip in clips}


@pytest.fixture
def video():
    """A video of six frames, whose light misses its target by 0.1 in every coefficient."""
    return _video


@pytest.fixture
def real():
    """Features of the driving frames of the clips named."""
    return _real


@pytest.fixture(scope="session")
def codes():
    """Face codes of a head that turns, in frames of `SIZE` px."""
    head = load_head()
    turn = np.zeros((FRAMES, 3), np.float32)
    turn[:, 1] = np.linspace(-0.3, 0.3, FRAMES)
    return FaceCodes(
        head=head.name,
        identity=np.zeros(len(head.identity_basis), np.float32),
        expression=np.zeros((FRAMES, len(head.expression_basis)), np.float32),
        pose=turn,
        camera=np.tile(np.array([1.4, 0, 0], np.float32), (FRAMES, 1)),
        light=np.tile(preset("front"), (FRAMES, 1, 1)),
        crop=whole_square(np.array([0, 0, SIZE]), FRAMES),
        square=np.array([0, 0, SIZE], np.int32),
        confidence=np.ones(FRAMES, np.float32),
    )
