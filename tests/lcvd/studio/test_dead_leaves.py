"""Dead-leaves images depend on the seed and have the spectrum of photographs."""

import numpy as np

from lcvd.studio.dead_leaves import dead_leaves, fractal_noise

SIZE = 128


def test_an_image_depends_only_on_the_seed() -> None:
    first, again, other = (dead_leaves(np.random.default_rng(seed), SIZE) for seed in (1, 1, 2))
    assert first.shape == (SIZE, SIZE, 3)
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() <= 1
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 0.05


def test_the_spectrum_is_that_of_photographs() -> None:
    """The amplitude of natural images falls as about 1/f (Field 1987). White noise has exponent 0, a blurred image a
    much larger one."""
    images = [dead_leaves(np.random.default_rng(seed), SIZE).mean(-1) for seed in range(24)]
    assert 0.8 < _spectral_decay(images) < 1.8
    assert abs(_spectral_decay([np.random.default_rng(seed).standard_normal((SIZE, SIZE)) for seed in range(8)])) < 0.1


def test_images_differ_in_colour_and_brightness() -> None:
    means = np.array([dead_leaves(np.random.default_rng(seed), 32).mean((0, 1)) for seed in range(40)])
    assert means.std(0).min() > 0.1
    assert (means.max(1) - means.min(1)).max() > 0.2


def test_fractal_noise_is_standardised_and_finer_octaves_are_weaker() -> None:
    field = fractal_noise(np.random.default_rng(4), SIZE)
    assert abs(field.mean()) < 1e-4
    assert abs(field.std() - 1) < 1e-3
    assert _spectral_decay([fractal_noise(np.random.default_rng(seed), SIZE) for seed in range(8)]) > 0.8


def _spectral_decay(images: list[np.ndarray]) -> float:
    """Exponent of the amplitude's decay with frequency, between 4 and 40 cycles per image."""
    spectrum = np.mean([np.abs(np.fft.fft2(image - image.mean())) for image in images], axis=0)
    waves = np.fft.fftfreq(SIZE, 1 / SIZE)
    radius = np.hypot(*np.meshgrid(waves, waves))
    rings = [(r, spectrum[np.abs(radius - r) < 1].mean()) for r in range(4, 40)]
    return -float(np.polyfit(*np.log(np.array(rings)).T, 1)[0])
