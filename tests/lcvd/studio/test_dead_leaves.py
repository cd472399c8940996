"""Pictures of nothing: drawn from a seed, and with the spectrum of photographs."""

from __future__ import annotations

import numpy as np

from lcvd.studio.dead_leaves import grain, leaves

SIZE = 128


def test_a_picture_is_a_function_of_the_seed() -> None:
    first, again, other = (leaves(np.random.default_rng(seed), SIZE) for seed in (1, 1, 2))
    assert first.shape == (SIZE, SIZE, 3)
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() <= 1
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 0.05


def test_the_spectrum_is_a_photographs() -> None:
    """Amplitudes of natural pictures fall about as 1/f (Field 1987); noise has 0, a blur much more."""
    pictures = [leaves(np.random.default_rng(seed), SIZE).mean(-1) for seed in range(24)]
    assert 0.8 < _fall(pictures) < 1.8
    assert abs(_fall([np.random.default_rng(seed).standard_normal((SIZE, SIZE)) for seed in range(8)])) < 0.1


def test_pictures_differ_in_colour_and_brightness() -> None:
    means = np.array([leaves(np.random.default_rng(seed), 32).mean((0, 1)) for seed in range(40)])
    assert means.std(0).min() > 0.1
    assert (means.max(1) - means.min(1)).max() > 0.2


def test_grain_is_standardised_and_finer_lumps_are_weaker() -> None:
    field = grain(np.random.default_rng(4), SIZE)
    assert abs(field.mean()) < 1e-4
    assert abs(field.std() - 1) < 1e-3
    assert _fall([grain(np.random.default_rng(seed), SIZE) for seed in range(8)]) > 0.8


def _fall(pictures: list[np.ndarray]) -> float:
    """Exponent by which amplitudes fall with frequency, between 4 and 40 waves a picture."""
    spectrum = np.mean([np.abs(np.fft.fft2(picture - picture.mean())) for picture in pictures], axis=0)
    waves = np.fft.fftfreq(SIZE, 1 / SIZE)
    radius = np.hypot(*np.meshgrid(waves, waves))
    rings = [(r, spectrum[np.abs(radius - r) < 1].mean()) for r in range(4, 40)]
    return -float(np.polyfit(*np.log(np.array(rings)).T, 1)[0])
