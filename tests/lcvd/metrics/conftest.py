"""Made-up videos of an evaluation, as factories."""

import numpy as np
import pytest

from lcvd.metrics.frechet import FeatureSet
from lcvd.metrics.measure import Measured
from lcvd.metrics.pose import PoseError
from lcvd.metrics.summary import Scored
from lcvd.shading.presets import preset

T = 6


def _video(clip, light, likeness=0.5, pose=2.0, missing=1, seed=0):
    rng = np.random.default_rng(seed)
    target = preset(light)
    found = np.broadcast_to(target, (T, 9, 3)) + np.float32(0.1)
    measured = Measured(
        light=found,
        likeness=np.full(T, likeness),
        pose=PoseError(pose, T - missing, missing),
        steps=np.full(T - 1, 0.25),
        features=FeatureSet.of(rng.normal(size=(T, 4))),
    )
    return Scored(clip, light, target, found, measured)


def _real(*clips):
    return {clip: FeatureSet.of(np.random.default_rng(9).normal(size=(T, 4))) for clip in clips}


@pytest.fixture
def video():
    """A video of six frames, whose light misses its target by 0.1 in every coefficient."""
    return _video


@pytest.fixture
def real():
    """Features of the driving frames of the clips named."""
    return _real
