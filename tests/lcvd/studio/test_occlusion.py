"""Ambient visibility: full on a ball, reduced in a pit."""

from __future__ import annotations

import numpy as np

from lcvd.studio.hair import grid_triangles
from lcvd.studio.occlusion import ambient_visibility


def test_a_ball_is_open_everywhere_and_a_pit_is_not() -> None:
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 41), np.linspace(np.pi / 2, -np.pi / 2, 21))
    ball = 0.6 * np.stack([np.cos(rise) * np.sin(turn), np.sin(rise), np.cos(rise) * np.cos(turn)], axis=-1)
    faces = grid_triangles(21, 41)
    assert ambient_visibility(ball.reshape(-1, 3), faces).mean() > 0.97
    y, x = np.mgrid[-0.8:0.8:33j, -0.8:0.8:33j]
    pit = np.stack([x, -y, -0.5 * np.exp(-((x**2 + y**2) / 0.03))], axis=-1)
    share = ambient_visibility(pit.reshape(-1, 3), grid_triangles(33, 33)).reshape(33, 33)
    assert share[16, 16] < 0.6
    assert share[3, 3] > 0.85
