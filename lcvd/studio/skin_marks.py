"""Skin detail of a face: marks, wrinkles and lip colour."""

from __future__ import annotations

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.studio.dead_leaves import dead_leaves, fractal_noise
from lcvd.studio.layout import FaceLayout, draw_outlines

MAX_LOG_CHANGE = 0.45
"""Wrinkles change skin by at most a factor of e^this, nearly always; marks by up to twice that exponent."""


def skin_marks(rng: np.random.Generator, size: int, eye_distance: float) -> Array:
    """Log gain (S, S, 3) of the skin: dead-leaves spots and lines, and noise. Structure coarser than a third of the eye
    distance is removed; it could be mistaken for light."""
    log_change = np.log(dead_leaves(rng, size) + 0.1)
    if rng.uniform() < 0.7:
        log_change = np.broadcast_to(log_change.mean(-1, keepdims=True), log_change.shape).copy()
    log_change += 0.3 * rng.uniform() * fractal_noise(rng, size)[..., None]
    log_change -= cv2.GaussianBlur(log_change, (0, 0), eye_distance / 3)
    return log_change * (MAX_LOG_CHANGE * rng.uniform() ** 1.5 / (log_change.std() + 1e-6))


def wrinkles(layout: FaceLayout, rng: np.random.Generator, size: int) -> Array:
    """Log gain (S, S, 3) of wrinkles on the forehead, from nose to chin, beside and under the eyes. Each is dark with a
    bright ridge next to it, and they differ left and right."""
    eye_distance, mouth = layout.eye_distance, layout.mouth.mean(0)
    low = float(mouth[1] - layout.eyes.mean(0)[1]) / eye_distance
    across = np.linspace(-1, 1, 16)
    lines = [
        layout.at(rng.uniform(0.4, 0.75) * across + 0.1 * rng.standard_normal(), height + 0.05 * across**2)
        for height in -rng.uniform(0.4, 0.95, rng.integers(0, 5))
    ]
    for side in (-1, 1):
        down = np.linspace(rng.uniform(0.55, 0.7), low + rng.uniform(-0.1, 0.35), 12)
        lines.append(layout.at(side * (rng.uniform(0.26, 0.34) + 0.3 * (down - down[0]) ** 0.8), down))
        for below in rng.uniform(0.15, 0.42, rng.integers(0, 4)):
            lines.append(layout.at(side * 0.5 + rng.uniform(0.2, 0.34) * across, below - 0.1 * across**2))
        for lift in rng.uniform(-0.2, 0.25, rng.integers(0, 4)):
            lines.append(layout.at(side * np.linspace(0.85, rng.uniform(0.95, 1.15), 8), np.linspace(0, lift, 8)))
    depth = np.zeros((size, size), np.float32)
    for line in lines:
        dark = cv2.GaussianBlur(
            draw_outlines(size, [line], rng.uniform(0.015, 0.05) * eye_distance), (0, 0), 0.03 * eye_distance
        )
        ridge = cv2.GaussianBlur(dark, (0, 0), 0.05 * eye_distance)
        depth += rng.uniform(0.3, 1.0) * (dark - 0.8 * ridge) / (dark.max() + 1e-6)
    return -MAX_LOG_CHANGE * rng.uniform(0.3, 1.5) * depth[..., None] * np.array([0.8, 1.0, 1.05], np.float32)


def lip_colour(layout: FaceLayout, rng: np.random.Generator, size: int) -> Array:
    """Log gain (S, S, 3) of the lips: redder, paler or darker."""
    wide = float(np.hypot(*(layout.mouth[1] - layout.mouth[0])))
    theta = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    outline = layout.mouth.mean(0) + np.stack([0.52 * wide * np.cos(theta), 0.2 * wide * np.sin(theta)], -1)
    cover = cv2.GaussianBlur(draw_outlines(size, [outline]), (0, 0), 0.05 * wide)
    return cover[..., None] * (
        rng.uniform(-0.3, 0.1) + rng.uniform(-0.1, 0.35) * np.array([1.0, -1.0, -0.7], np.float32)
    )
