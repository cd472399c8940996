"""Made-up videos of an evaluation, as factories."""

import numpy as np
import pytest

from lcvd.light.presets import preset
from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.light_error import light_angle, light_error
from lcvd.metrics.readings import ADJ, ANGLE, FD, ID, LE, POSE, Score, VideoScores

T = 6


def _video(clip, light, likeness=0.5, pose=2.0, missing=1, seed=0):
    rng = np.random.default_rng(seed)
    target = preset(light)
    found = np.broadcast_to(target, (T, 9, 3)) + np.float32(0.1)
    error, angle = light_error(found, target), light_angle(found, target)
    readings = {
        LE: Score(float(error.mean()), T),
        ANGLE: Score(float(angle.mean()), T),
        ID: Score(likeness, T),
        POSE: Score(pose, T - missing, missing),
        ADJ: Score(0.25, T),
    }
    sets = {FD: FeatureSet.of(rng.normal(size=(T, 4)))}
    per_frame = {"light_error": error, "light_angle": angle, "likeness": np.full(T, likeness)}
    return VideoScores(clip, light, readings, sets, T, per_frame)


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
