"""Each part of a disguise changes its own part of the picture, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from lcvd.studio import alter
from lcvd.studio.alter import disguised
from lcvd.studio.layout import Places

SIZE = 128
PARTS = ("MASKED", "MARKED", "FOLDED", "PAINTED", "BEARD", "BROWS", "HAIR", "CLOTHED", "HAT")
ROW, COLUMN = np.mgrid[:SIZE, :SIZE].astype(np.float32)


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, where: Places) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """How much each pixel changes, (S, S), and the outline then, when everybody has the parts named and nothing else."""

    def changes(seed: int, *parts: str) -> tuple[np.ndarray, np.ndarray]:
        for part in PARTS:
            monkeypatch.setattr(alter, part, float(part in parts))
        picture = np.full((SIZE, SIZE, 3), 128, np.float32)
        other, outline = disguised(picture, where, np.random.default_rng(seed))
        return np.abs(other - picture).max(-1), outline

    return changes


@pytest.mark.parametrize("seed", range(5))
def test_nobody_changes_without_a_part(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], where: Places, seed: int
) -> None:
    changed, outline = only(seed)
    assert not changed.any()
    assert np.array_equal(outline, where.person)


@pytest.mark.parametrize("part", ["FOLDED", "PAINTED"])
@pytest.mark.parametrize("seed", range(5))
def test_folds_and_colour_of_the_lips_are_on_the_face(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], where: Places, seed: int, part: str
) -> None:
    changed, outline = only(seed, part)
    assert changed.max() > 2
    assert not changed[cv2.GaussianBlur(where.skin, (0, 0), 2) < 0.01].any()
    assert np.array_equal(outline, where.person)
    if part == "PAINTED":
        assert changed[np.hypot(COLUMN - 64, 2 * (ROW - 74)) > 16].max() < 0.05 * changed.max()


@pytest.mark.parametrize("seed", range(5))
def test_marks_are_on_the_skin_and_leave_its_coarse_shade(
    monkeypatch: pytest.MonkeyPatch, where: Places, seed: int
) -> None:
    """Coarse shade would pass for light, from which the hints are made."""
    for part in PARTS:
        monkeypatch.setattr(alter, part, float(part == "MARKED"))
    picture = np.full((SIZE, SIZE, 3), 100, np.float32)
    marked, _ = disguised(picture, where, np.random.default_rng(seed))
    ratio = np.log(marked / picture)
    assert not ratio[where.skin == 0].any()
    inside = cv2.erode(where.skin, np.ones((9, 9))) > 0
    assert ratio[inside].std() > 2 * cv2.GaussianBlur(ratio, (0, 0), 16)[inside].std()


def test_paint_is_on_the_face_and_thinner_on_eyes_and_mouth(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], where: Places
) -> None:
    """A detector finds faces by those."""
    several = [only(seed, "MASKED") for seed in range(20)]
    changed = np.mean([each for each, _ in several], axis=0)
    assert not changed[where.skin == 0].any()
    assert all(np.array_equal(outline, where.person) for _, outline in several)
    bare = np.min([np.hypot(COLUMN - x, 1.5 * (ROW - y)) for x, y in (*where.eyes, where.mouth.mean(0))], axis=0) < 4
    painted = (where.skin > 0) & (ROW < 44)
    assert changed[painted].mean() > 5
    assert changed[bare].mean() < 0.6 * changed[painted].mean()


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


@pytest.mark.parametrize("part", ["HAIR", "HAT"])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_worn_changes_the_outline_and_leaves_the_face_free(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], where: Places, seed: int, part: str
) -> None:
    changed, outline = only(seed, part)
    assert (outline >= where.person).all()
    assert outline[where.person == 0].sum() > 100
    assert not changed[outline == 0].any()
    face = (where.skin > 0) & (ROW > 48)
    assert changed[face].max() < 0.2 * changed.max()
