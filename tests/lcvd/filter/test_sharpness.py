"""Sharpness decreases with blur and hardly depends on the image's size."""

import cv2
import numpy as np
import pytest

from lcvd.filter.sharpness import face_sharpness

BOX = np.array([20.0, 30.0, 276.0, 286.0], np.float32)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """320 x 320 px of noise at several scales."""
    rng = np.random.default_rng(0)
    layers = [cv2.resize(rng.normal(0, 20, (n, n)).astype(np.float32), (320, 320)) for n in (10, 40, 80)]
    return np.repeat(np.clip(128 + sum(layers), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def test_blur_lowers_sharpness(image: np.ndarray) -> None:
    values = [face_sharpness(cv2.GaussianBlur(image, (0, 0), sigma), BOX) for sigma in (0.1, 2, 5)]
    assert values[0] > 2 * values[1] > 4 * values[2]


def test_sharpness_is_measured_at_a_fixed_size(image: np.ndarray) -> None:
    large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    assert face_sharpness(large, 2 * BOX) == pytest.approx(face_sharpness(image, BOX), rel=0.1)


def test_only_the_box_counts_and_it_is_clipped_to_the_image(image: np.ndarray) -> None:
    changed = image.copy()
    changed[:, 280:] = 0
    assert face_sharpness(changed, BOX) == face_sharpness(image, BOX)
    assert np.isfinite(face_sharpness(image, np.array([-50.0, 300.0, 10.0, 400.0])))
    assert face_sharpness(np.full((64, 64, 3), 7, np.uint8), np.array([0.0, 0.0, 64.0, 64.0])) == 0.0
