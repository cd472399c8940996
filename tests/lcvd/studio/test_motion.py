"""Range of the studio's moving light: the lights seen by a model trained on its clips."""

import numpy as np
import pytest

from lcvd.light.presets import PRESETS, preset
from lcvd.render.sh import shading
from lcvd.studio.motion import lights

SEEN = np.concatenate([lights(seed, 32, 25.0) for seed in range(200)])
"""Lights (6400, 9, 3) of 200 clips."""


def towards_the_camera() -> np.ndarray:
    """Normals (N, 3) of the hemisphere that faces the camera."""
    right, up = np.meshgrid(*[np.linspace(-1, 1, 9)] * 2)
    inside = right**2 + up**2 < 1
    right, up = right[inside], up[inside]
    return np.stack([right, up, np.sqrt(1 - right**2 - up**2)], -1)


@pytest.mark.parametrize("name", PRESETS)
def test_clips_cover_every_preset_approximately(name: str) -> None:
    normals = towards_the_camera()
    wanted = shading(normals, preset(name)).mean(-1)
    nearest = np.abs(shading(normals, SEEN).mean(-1) - wanted).mean(-1).min()
    # The distance from preset front to soft is 0.12, and from top to left 0.35.
    assert nearest < 0.05


def test_one_clip_has_soft_and_hard_light() -> None:
    """Portraits are mostly softly lit; target lights are often hard."""
    values = shading(towards_the_camera(), SEEN).mean(-1)
    contrast = (values.min(1) / values.max(1)).reshape(200, 32)
    assert np.median(contrast.max(1)) > 2 * np.median(contrast.min(1))
    assert (values > 0).all(), "light can't be negative"
