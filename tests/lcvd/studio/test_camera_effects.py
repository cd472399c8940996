"""Bending and toning of a picture."""

from __future__ import annotations

import numpy as np
import pytest

from lcvd.studio import camera_effects
from lcvd.studio.camera_effects import BEND, BEND_FACE, LARGER, bent, featured, toned
from lcvd.studio.layout import Places

SIZE = 128
ROW, COLUMN = np.mgrid[:SIZE, :SIZE].astype(np.float32)
COORDINATES = np.stack([COLUMN, ROW, 0 * ROW], -1)
"""Bent, it tells where each pixel comes from."""


def test_things_move_as_far_as_said_and_in_the_face_less(where: Places) -> None:
    inner = (slice(30, 98), slice(30, 98))  # replicated borders tell nothing
    moves = []
    for seed in range(40):
        moved, _ = bent(COORDINATES, where.person, where.skin, np.random.default_rng(seed))
        moves.append((moved - COORDINATES)[..., :2] / SIZE)
    spread = np.sqrt(np.mean(np.square(moves), axis=(0, 3)))
    face = np.hypot((COLUMN - 64) / 14, (ROW - 60) / 20) < 1
    assert spread[face].mean() == pytest.approx(BEND_FACE, rel=0.35)
    assert spread[inner][~face[inner]].max() > 0.5 * BEND
    assert spread[30:90, 20:28].mean() == pytest.approx(BEND, rel=0.35)


@pytest.mark.parametrize("seed", range(10))
def test_nothing_folds_over_itself_in_the_face(where: Places, seed: int) -> None:
    moved, _ = bent(COORDINATES, where.person, where.skin, np.random.default_rng(seed))
    (x_y, x_x), (y_y, y_x) = np.gradient(moved[..., 0]), np.gradient(moved[..., 1])
    face = where.skin > 0
    assert (x_x * y_y - x_y * y_x)[face].min() > 0.2


def test_the_matte_moves_with_the_picture(where: Places) -> None:
    picture = np.repeat(255 * where.person[..., None], 3, -1)
    moved, matte = bent(picture, where.person, where.skin, np.random.default_rng(3))
    assert moved[..., 0] == pytest.approx(255 * matte, abs=0.01)
    assert np.abs(matte - where.person).max() > 0.5


def test_without_bending_nothing_moves(where: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_effects, "BEND", 0.0)
    monkeypatch.setattr(camera_effects, "BEND_FACE", 0.0)
    moved, matte = bent(COORDINATES, where.person, where.skin, np.random.default_rng(0))
    assert np.array_equal(moved, COORDINATES)
    assert np.array_equal(matte, where.person)


def test_features_grow_shrink_and_move_and_nothing_else_does(where: Places) -> None:
    """How much larger something is drawn, is how much slower the coordinates that it shows change there."""
    moved = [featured(COORDINATES, where, np.random.default_rng(seed))[..., :2] for seed in range(60)]
    larger = {name: [] for name in ("left", "right", "mouth")}
    for field in moved:
        for name, (column, row) in zip(larger, (*where.eyes, where.mouth.mean(0)), strict=True):
            x, y = round(column), round(row)
            larger[name].append(-np.log((field[y, x + 1, 0] - field[y, x - 1, 0]) / 2))
        far = np.hypot(COLUMN - where.at(0, 0.8)[0], ROW - where.at(0, 0.8)[1]) > 2.2 * where.apart
        assert np.abs(field - COORDINATES[..., :2])[far].max() < 0.05
        (x_y, x_x), (y_y, y_x) = np.gradient(field[..., 0]), np.gradient(field[..., 1])
        assert (x_x * y_y - x_y * y_x).min() > 0, "nothing folds over itself"
    assert np.std(larger["mouth"]) == pytest.approx(LARGER, rel=0.4)
    assert np.corrcoef(larger["left"], larger["right"])[0, 1] > 0.8, "eyes are alike"
    assert abs(np.corrcoef(larger["left"], larger["mouth"])[0, 1]) < 0.4


@pytest.mark.parametrize("seed", range(6))
def test_tones_keep_their_order_and_range(seed: int) -> None:
    """Brighter stays brighter, black black and white white but for grain."""
    ramp = np.broadcast_to(np.linspace(0, 255, SIZE, dtype=np.float32)[None, :, None], (SIZE, SIZE, 3))
    other = toned(ramp, np.random.default_rng(seed)).mean((0, 2))
    assert np.diff(other[::8]).min() > -4
    assert other.min() >= 0
    assert other.max() <= 255
    assert other[0] < 40
    assert other[-1] > 190


def test_pictures_become_darker_and_lighter() -> None:
    grey = np.full((SIZE, SIZE, 3), 90, np.float32)
    means = [toned(grey, np.random.default_rng(seed)).mean() for seed in range(12)]
    assert min(means) < 80
    assert max(means) > 100
