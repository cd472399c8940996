"""Each part of a disguise changes its own part of the picture, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from lcvd.studio import disguise
from lcvd.studio.disguise import Places, disguised

SIZE = 128
PARTS = ("MARKED", "BEARD", "BROWS", "HAIR", "CLOTHED", "HAT")
ROW, COLUMN = np.mgrid[:SIZE, :SIZE].astype(np.float32)


@pytest.fixture
def where() -> Places:
    """A face of 40 x 56 px, eyes 20 px apart, above shoulders that fill the picture's width."""
    skin = (np.hypot((COLUMN - 64) / 20, (ROW - 60) / 28) < 1).astype(np.float32)
    person = np.maximum(skin, ROW > 96).astype(np.float32)
    return Places(np.array([[54.0, 52], [74, 52]]), np.array([[57.0, 74], [71, 74]]), 88.0, skin, person)


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, where: Places) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """How much each pixel changes, (S, S), and what is worn, when everybody has the parts named and nothing else."""

    def changes(seed: int, *parts: str) -> tuple[np.ndarray, np.ndarray]:
        for part in PARTS:
            monkeypatch.setattr(disguise, part, float(part in parts))
        picture = np.full((SIZE, SIZE, 3), 128, np.float32)
        other, worn = disguised(picture, where, np.random.default_rng(seed))
        return np.abs(other - picture).max(-1), worn

    return changes


@pytest.mark.parametrize("seed", range(5))
def test_nobody_changes_without_a_part(only: Callable[..., tuple[np.ndarray, np.ndarray]], seed: int) -> None:
    changed, worn = only(seed)
    assert not changed.any()
    assert not worn.any()


@pytest.mark.parametrize("seed", range(5))
def test_marks_are_on_the_skin_and_leave_its_coarse_shade(
    monkeypatch: pytest.MonkeyPatch, where: Places, seed: int
) -> None:
    """Coarse shade would pass for light, from which the hints are made."""
    for part in PARTS:
        monkeypatch.setattr(disguise, part, float(part == "MARKED"))
    picture = np.full((SIZE, SIZE, 3), 100, np.float32)
    marked, _ = disguised(picture, where, np.random.default_rng(seed))
    ratio = np.log(marked / picture)
    assert not ratio[where.skin == 0].any()
    inside = cv2.erode(where.skin, np.ones((9, 9))) > 0
    assert ratio[inside].std() > 2 * cv2.GaussianBlur(ratio, (0, 0), 16)[inside].std()


@pytest.mark.parametrize("seed", range(5))
def test_a_beard_is_below_the_nose_but_not_on_the_mouth(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], where: Places, seed: int
) -> None:
    changed, _ = only(seed, "BEARD")
    assert changed.max() > 5
    assert not changed[ROW < 64].any()
    assert changed[74, 64] < 0.2 * changed.max()
    assert changed[(cv2.GaussianBlur(where.skin, (0, 0), 2) < 0.01)].max() < 2


@pytest.mark.parametrize("seed", range(5))
def test_brows_are_above_the_eyes(only: Callable[..., tuple[np.ndarray, np.ndarray]], seed: int) -> None:
    changed, _ = only(seed, "BROWS")
    for half in (changed[:, :64], changed[:, 64:]):
        rows = np.nonzero(half.max(1) > 3)[0]
        assert rows.min() > 52 - 0.6 * 20
        assert rows.max() < 52


@pytest.mark.parametrize("seed", range(5))
def test_clothes_are_below_the_chin_and_not_on_skin_or_room(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], where: Places, seed: int
) -> None:
    changed, worn = only(seed, "CLOTHED")
    assert changed[100:].mean() > 5
    assert not changed[(ROW < 88) | (where.skin > 0) | (where.person == 0)].any()
    assert not worn.any()


@pytest.mark.parametrize("part", ["HAIR", "HAT"])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_worn_changes_the_outline_and_leaves_the_face_free(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], where: Places, seed: int, part: str
) -> None:
    changed, worn = only(seed, part)
    assert not changed[worn == 0].any()
    assert worn[where.person == 0].sum() > 100
    face = (where.skin > 0) & (ROW > 48)
    assert worn[face].max() < 0.2
