from __future__ import annotations

import numpy as np
import pytest

from lcvd.face.crop import resize_masks, square_pictures


def ramp(height: int = 60, width: int = 80) -> np.ndarray:
    x = np.broadcast_to(np.arange(width) * 3, (2, height, width))
    y = np.broadcast_to(np.arange(height)[:, None] * 4, (2, height, width))
    return np.stack([x, y, np.zeros_like(x)], -1).astype(np.uint8)


def test_a_cut_of_the_same_size_is_exact() -> None:
    window = ramp()
    np.testing.assert_array_equal(square_pictures(window, np.array([10, 5, 40]), 40), window[:, 5:45, 10:50])


@pytest.mark.parametrize("size", [20, 80])
def test_places_stay(size: int) -> None:
    """The pixel centre i + 0.5 of the result shows the square's point (i + 0.5) * side / size."""
    pictures = square_pictures(ramp(), np.array([10, 5, 40]), size)
    places = (np.arange(size) + 0.5) * 40 / size - 0.5
    inner = slice(size // 8, -size // 8)
    np.testing.assert_allclose(pictures[0, size // 2, inner, 0], (10 + places[inner]) * 3, atol=1.1)
    np.testing.assert_allclose(pictures[1, inner, size // 2, 1], (5 + places[inner]) * 4, atol=1.1)


def test_a_square_outside_is_named() -> None:
    for square in ([-1, 0, 20], [0, 0, 61], [70, 0, 20]):
        with pytest.raises(ValueError, match="leaves the frame of 80 x 60"):
            square_pictures(ramp(), np.array(square), 32)


def test_masks_stay_binary_and_in_place() -> None:
    soft = np.zeros((1, 12, 12), np.uint8)
    soft[0, 3:9, 6:] = 200
    soft[0, 2] = 90
    for size in (6, 12, 24, 16):
        found = resize_masks(soft, size)
        assert set(np.unique(found)) <= {0, 255}
        assert found.mean() == pytest.approx(255 * 36 / 144, abs=12)
    np.testing.assert_array_equal(resize_masks(soft, 24)[0, ::2, ::2] > 0, soft[0] > 127)
