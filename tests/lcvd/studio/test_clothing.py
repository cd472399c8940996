"""Another neck and other clothes: below the chin, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from lcvd.studio.clothing import dressed
from lcvd.studio.layout import Places

SIZE = 128
ROW, COLUMN = np.mgrid[:SIZE, :SIZE].astype(np.float32)


@pytest.fixture
def picture(where: Places) -> np.ndarray:
    """Grey, with skin of one colour."""
    grey = np.full((SIZE, SIZE, 3), 90, np.float32)
    grey[where.skin > 0] = (200, 150, 120)
    return grey


@pytest.mark.parametrize("seed", range(8))
def test_the_face_and_what_is_above_stay(picture: np.ndarray, where: Places, seed: int) -> None:
    other, outline = dressed(picture, where, np.random.default_rng(seed))
    upper = ROW < 66
    face = np.hypot((COLUMN - 64) / 16, (ROW - 66) / 17) < 1
    for kept in (upper, face):
        assert np.abs(other - picture)[kept].max() < 8
        assert np.abs(outline - where.person)[kept].max() < 0.1


@pytest.mark.parametrize("seed", range(8))
def test_a_neck_of_the_face_s_colour_leads_to_shoulders_that_leave_the_picture(
    picture: np.ndarray, where: Places, seed: int
) -> None:
    other, outline = dressed(picture, where, np.random.default_rng(seed))
    throat = other[90:93, 60:68].mean((0, 1))
    assert throat[0] > throat[1] > throat[2]
    assert outline[92, 58:70].min() > 0.9
    widths = outline.sum(1)
    assert widths[-1] > 1.3 * widths[92]
    assert outline[-1, 64] == pytest.approx(1)


def test_the_outline_is_another_each_time_and_narrower_than_before_too(picture: np.ndarray, where: Places) -> None:
    """A person whose shoulders fill the width may get narrow ones."""
    outlines = [dressed(picture, where, np.random.default_rng(seed))[1] for seed in range(12)]
    sums = [outline[100:].sum() for outline in outlines]
    assert min(sums) < 0.8 * where.person[100:].sum()
    assert len({round(float(each)) for each in sums}) > 8
