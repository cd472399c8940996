"""Random fields are bounded, repeatable for a seed, and smooth at their scale."""

import numpy as np

from lcvd.studio.noise import mix, noise, smoothstep


def test_noise_is_bounded_repeatable_and_smooth() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (5000, 3))
    values = noise(points, (3, 1), 0.2, 3)
    assert np.abs(values).max() <= 1
    assert values.std() > 0.1
    np.testing.assert_array_equal(values, noise(points, (3, 1), 0.2, 3))
    assert (values != noise(points, (4, 1), 0.2, 3)).any()
    near = noise(points + 1e-3, (3, 1), 0.2)
    assert np.abs(near - noise(points, (3, 1), 0.2)).max() < 0.05


def test_a_scale_can_differ_by_axis() -> None:
    points = np.random.default_rng(1).uniform(-1, 1, (2000, 3))
    scale = (0.1, 0.1, 10.0)
    along, across = (
        noise(points + move, (1,), scale) - noise(points, (1,), scale) for move in ((0, 0, 0.05), (0.05, 0, 0))
    )
    assert np.abs(along).mean() < 0.1 * np.abs(across).mean()


def test_smoothstep_and_mix_interpolate() -> None:
    np.testing.assert_allclose(smoothstep(1, 3, np.array([0.0, 1, 2, 3, 4])), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(smoothstep(3, 1, np.array([0.0, 2, 4])), [1, 0.5, 0])
    np.testing.assert_allclose(mix(np.zeros(3), np.ones(3), np.array([0, 0.25, 2]))[:, 0], [0, 0.25, 1])
