"""Backgrounds depend on the seed, are soft, and are never entirely black or white."""

import numpy as np

from lcvd.studio.backdrop import backdrop


def test_a_backdrop_is_soft_and_drawn_from_its_seed() -> None:
    first, again, other = backdrop(1, 64), backdrop(1, 64), backdrop(2, 64)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.02
    assert first.shape == (64, 64, 3)
    assert 0 < first.min() <= first.max() < 1
    assert np.abs(np.diff(first, axis=1)).max() < 0.1
