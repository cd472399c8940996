"""Random warp, feature proportions and tones of an image."""

import numpy as np
import pytest

from lcvd.studio import camera_effects
from lcvd.studio.camera_effects import (
    FACE_WARP_STD,
    FEATURE_SCALE_STD,
    WARP_STD,
    random_warp,
    vary_features,
    vary_tones,
)
from lcvd.studio.layout import FaceLayout

SIZE = 128
ROW, COLUMN = np.mgrid[:SIZE, :SIZE].astype(np.float32)
COORDINATES = np.stack([COLUMN, ROW, 0 * ROW], -1)
"""After a warp, it contains the source position of each pixel."""


def test_displacements_have_the_documented_size_and_are_smaller_in_the_face(layout: FaceLayout) -> None:
    inner = (slice(30, 98), slice(30, 98))  # replicated borders contain no positions
    moves = []
    for seed in range(40):
        moved, _ = random_warp(COORDINATES, layout.person, layout.skin, np.random.default_rng(seed))
        moves.append((moved - COORDINATES)[..., :2] / SIZE)
    spread = np.sqrt(np.mean(np.square(moves), axis=(0, 3)))
    face = np.hypot((COLUMN - 64) / 14, (ROW - 60) / 20) < 1
    assert spread[face].mean() == pytest.approx(FACE_WARP_STD, rel=0.35)
    assert spread[inner][~face[inner]].max() > 0.5 * WARP_STD
    assert spread[30:90, 20:28].mean() == pytest.approx(WARP_STD, rel=0.35)


@pytest.mark.parametrize("seed", range(10))
def test_the_warp_is_invertible_in_the_face(layout: FaceLayout, seed: int) -> None:
    moved, _ = random_warp(COORDINATES, layout.person, layout.skin, np.random.default_rng(seed))
    (x_y, x_x), (y_y, y_x) = np.gradient(moved[..., 0]), np.gradient(moved[..., 1])
    face = layout.skin > 0
    assert (x_x * y_y - x_y * y_x)[face].min() > 0.2


def test_the_matte_moves_with_the_image(layout: FaceLayout) -> None:
    image = np.repeat(255 * layout.person[..., None], 3, -1)
    moved, matte = random_warp(image, layout.person, layout.skin, np.random.default_rng(3))
    assert moved[..., 0] == pytest.approx(255 * matte, abs=0.01)
    assert np.abs(matte - layout.person).max() > 0.5


def test_a_warp_of_size_zero_is_the_identity(layout: FaceLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_effects, "WARP_STD", 0.0)
    monkeypatch.setattr(camera_effects, "FACE_WARP_STD", 0.0)
    moved, matte = random_warp(COORDINATES, layout.person, layout.skin, np.random.default_rng(0))
    assert np.array_equal(moved, COORDINATES)
    assert np.array_equal(matte, layout.person)


def test_only_features_are_resized_and_moved(layout: FaceLayout) -> None:
    """The magnification of a feature is the inverse gradient of the source coordinates there."""
    moved = [vary_features(COORDINATES, layout, np.random.default_rng(seed))[..., :2] for seed in range(60)]
    larger = {name: [] for name in ("left", "right", "mouth")}
    for field in moved:
        for name, (column, row) in zip(larger, (*layout.eyes, layout.mouth.mean(0)), strict=True):
            x, y = round(column), round(row)
            larger[name].append(-np.log((field[y, x + 1, 0] - field[y, x - 1, 0]) / 2))
        far = np.hypot(COLUMN - layout.at(0, 0.8)[0], ROW - layout.at(0, 0.8)[1]) > 2.2 * layout.eye_distance
        assert np.abs(field - COORDINATES[..., :2])[far].max() < 0.05
        (x_y, x_x), (y_y, y_x) = np.gradient(field[..., 0]), np.gradient(field[..., 1])
        assert (x_x * y_y - x_y * y_x).min() > 0, "the warp is invertible"
    assert np.std(larger["mouth"]) == pytest.approx(FEATURE_SCALE_STD, rel=0.4)
    assert np.corrcoef(larger["left"], larger["right"])[0, 1] > 0.8, "both eyes have similar sizes"
    assert abs(np.corrcoef(larger["left"], larger["mouth"])[0, 1]) < 0.4


@pytest.mark.parametrize("seed", range(6))
def test_tones_keep_their_order_and_range(seed: int) -> None:
    """Order is preserved, and black and white stay black and white up to grain."""
    ramp = np.broadcast_to(np.linspace(0, 255, SIZE, dtype=np.float32)[None, :, None], (SIZE, SIZE, 3))
    other = vary_tones(ramp, np.random.default_rng(seed)).mean((0, 2))
    assert np.diff(other[::8]).min() > -4
    assert other.min() >= 0
    assert other.max() <= 255
    assert other[0] < 40
    assert other[-1] > 190


def test_images_become_darker_and_brighter() -> None:
    grey = np.full((SIZE, SIZE, 3), 90, np.float32)
    means = [vary_tones(grey, np.random.default_rng(seed)).mean() for seed in range(12)]
    assert min(means) < 80
    assert max(means) > 100
