"""The studio's moving light: which lights a model trained on its clips has seen."""

from __future__ import annotations

import numpy as np
import pytest

from lcvd.light.presets import PRESETS, preset
from lcvd.render.sh import shading
from lcvd.studio.motion import lights

SEEN = np.concatenate([lights(seed, 32, 25.0) for seed in range(200)])
"""Lights (6400, 9, 3) of 200 clips."""


def towards_the_camera() -> np.ndarray:
    """Normals (N, 3) over the hemisphere that a camera sees."""
    right, up = np.meshgrid(*[np.linspace(-1, 1, 9)] * 2)
    inside = right**2 + up**2 < 1
    right, up = right[inside], up[inside]
    return np.stack([right, up, np.sqrt(1 - right**2 - up**2)], -1)


@pytest.mark.parametrize("name", PRESETS)
def test_clips_show_every_preset_or_nearly(name: str) -> None:
    normals = towards_the_camera()
    wanted = shading(normals, preset(name)).mean(-1)
    nearest = np.abs(shading(normals, SEEN).mean(-1) - wanted).mean(-1).min()
    # From the front preset soft is 0.12 off, and top and left are 0.35 off.
    assert nearest < 0.05


def test_one_clip_shows_soft_light_and_hard() -> None:
    """As a portrait is softly lit, mostly, and what it shall be relit with is not."""
    values = shading(towards_the_camera(), SEEN).mean(-1)
    contrast = (values.min(1) / values.max(1)).reshape(200, 32)
    assert np.median(contrast.max(1)) > 2 * np.median(contrast.min(1))
    assert (values > 0).all(), "light can't be negative"
