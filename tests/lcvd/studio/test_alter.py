"""Each alteration changes only its own part of the image."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from lcvd.studio import alter
from lcvd.studio.alter import alter_appearance
from lcvd.studio.layout import FaceLayout

SIZE = 128
PARTS = ("FACE_PAINT", "SKIN_MARKS", "WRINKLES", "LIP_COLOUR", "BEARD", "BROWS", "HAIR", "CLOTHING", "HAT")
ROW, COLUMN = np.mgrid[:SIZE, :SIZE].astype(np.float32)


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, layout: FaceLayout) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Absolute change of each pixel (S, S) and the new outline, with exactly the named alterations applied."""

    def changes(seed: int, *parts: str) -> tuple[np.ndarray, np.ndarray]:
        for part in PARTS:
            monkeypatch.setattr(alter, part, float(part in parts))
        image = np.full((SIZE, SIZE, 3), 128, np.float32)
        other, outline = alter_appearance(image, layout, np.random.default_rng(seed))
        return np.abs(other - image).max(-1), outline

    return changes


@pytest.mark.parametrize("seed", range(5))
def test_nothing_changes_without_an_alteration(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], layout: FaceLayout, seed: int
) -> None:
    changed, outline = only(seed)
    assert not changed.any()
    assert np.array_equal(outline, layout.person)


@pytest.mark.parametrize("part", ["WRINKLES", "LIP_COLOUR"])
@pytest.mark.parametrize("seed", range(5))
def test_wrinkles_and_lip_colour_are_on_the_face(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], layout: FaceLayout, seed: int, part: str
) -> None:
    changed, outline = only(seed, part)
    assert changed.max() > 2
    assert not changed[cv2.GaussianBlur(layout.skin, (0, 0), 2) < 0.01].any()
    assert np.array_equal(outline, layout.person)
    if part == "LIP_COLOUR":
        assert changed[np.hypot(COLUMN - 64, 2 * (ROW - 74)) > 16].max() < 0.05 * changed.max()


@pytest.mark.parametrize("seed", range(5))
def test_marks_are_on_the_skin_and_preserve_its_coarse_shading(
    monkeypatch: pytest.MonkeyPatch, layout: FaceLayout, seed: int
) -> None:
    """Coarse shading could be mistaken for light, from which the hints are made."""
    for part in PARTS:
        monkeypatch.setattr(alter, part, float(part == "SKIN_MARKS"))
    image = np.full((SIZE, SIZE, 3), 100, np.float32)
    marked, _ = alter_appearance(image, layout, np.random.default_rng(seed))
    ratio = np.log(marked / image)
    assert not ratio[layout.skin == 0].any()
    inside = cv2.erode(layout.skin, np.ones((9, 9))) > 0
    assert ratio[inside].std() > 2 * cv2.GaussianBlur(ratio, (0, 0), 16)[inside].std()


def test_paint_is_on_the_face_and_thinner_on_eyes_and_mouth(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], layout: FaceLayout
) -> None:
    """Face detectors rely on eyes and mouth."""
    several = [only(seed, "FACE_PAINT") for seed in range(20)]
    changed = np.mean([each for each, _ in several], axis=0)
    assert not changed[layout.skin == 0].any()
    assert all(np.array_equal(outline, layout.person) for _, outline in several)
    bare = np.min([np.hypot(COLUMN - x, 1.5 * (ROW - y)) for x, y in (*layout.eyes, layout.mouth.mean(0))], axis=0) < 4
    painted = (layout.skin > 0) & (ROW < 44)
    assert changed[painted].mean() > 5
    assert changed[bare].mean() < 0.6 * changed[painted].mean()


@pytest.mark.parametrize("seed", range(5))
def test_a_beard_is_below_the_nose_but_not_on_the_mouth(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], layout: FaceLayout, seed: int
) -> None:
    changed, _ = only(seed, "BEARD")
    assert changed.max() > 5
    assert not changed[ROW < 64].any()
    assert changed[74, 64] < 0.2 * changed.max()
    assert changed[(cv2.GaussianBlur(layout.skin, (0, 0), 2) < 0.01)].max() < 2


@pytest.mark.parametrize("seed", range(5))
def test_brows_are_above_the_eyes(only: Callable[..., tuple[np.ndarray, np.ndarray]], seed: int) -> None:
    changed, _ = only(seed, "BROWS")
    for half in (changed[:, :64], changed[:, 64:]):
        rows = np.nonzero(half.max(1) > 3)[0]
        assert rows.min() > 52 - 0.6 * 20
        assert rows.max() < 52


@pytest.mark.parametrize("part", ["HAIR", "HAT"])
@pytest.mark.parametrize("seed", range(5))
def test_hair_and_hat_change_the_outline_and_not_the_face(
    only: Callable[..., tuple[np.ndarray, np.ndarray]], layout: FaceLayout, seed: int, part: str
) -> None:
    changed, outline = only(seed, part)
    assert (outline >= layout.person).all()
    assert outline[layout.person == 0].sum() > 100
    assert not changed[outline == 0].any()
    face = (layout.skin > 0) & (ROW > 48)
    assert changed[face].max() < 0.2 * changed.max()
