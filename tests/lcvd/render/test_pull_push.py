"""Filling against what must come out: kept values, constants, straight ramps."""

import numpy as np

from lcvd.render.pull_push import fill


def test_known_pixels_are_kept_and_a_constant_fills_everything() -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(size=(37, 53, 3)).astype(np.float32)
    known = rng.uniform(size=(37, 53)) < 0.2
    filled = fill(values, known)
    np.testing.assert_allclose(filled[known], values[known], atol=1e-6)
    assert filled.min() >= values[known].min() - 1e-5
    assert filled.max() <= values[known].max() + 1e-5
    np.testing.assert_allclose(fill(np.full((40, 40, 1), 3.0), known[:, :40][:37].repeat(2, 0)[:40]), 3.0, atol=1e-5)


def test_a_ramp_between_two_edges_is_nearly_straight() -> None:
    values = np.zeros((64, 64, 1), np.float32)
    values[:, -1] = 1
    known = np.zeros((64, 64), bool)
    known[:, [0, -1]] = True
    filled = fill(values, known)[32, :, 0]
    assert (np.diff(filled) > -1e-3).all()
    assert np.abs(filled - np.linspace(0, 1, 64)).max() < 0.2


def test_nothing_known_gives_nothing() -> None:
    assert not fill(np.ones((16, 16, 2)), np.zeros((16, 16))).any()
