"""Places in a face, and what is drawn there, against plain geometry."""

from __future__ import annotations

import numpy as np
import pytest

from lcvd.studio.layout import Places, blended, drawn


def test_places_are_counted_in_distances_of_the_eyes_along_the_face(where: Places) -> None:
    assert where.apart == 20
    assert where.at(0.5, 0).tolist() == [74, 52]
    assert where.at(0, 1).tolist() == [64, 72]
    tilted = Places(np.array([[50.0, 50], [62, 66]]), where.mouth, where.chin, where.skin, where.person)
    assert tilted.apart == 20
    assert tilted.at(0.5, 0) == pytest.approx(np.array([62, 66]))
    assert tilted.at(0, 1) == pytest.approx(np.array([56 - 16, 58 + 12]))


def test_a_polygon_covers_its_area_and_a_line_its_width() -> None:
    square = np.array([[10.0, 10], [30, 10], [30, 30], [10, 30]])
    cover = drawn(64, [square])
    assert cover.sum() == pytest.approx(400, rel=0.03)
    assert cover[20, 20] == 1
    assert cover[40, 40] == 0
    line = drawn(64, [np.array([[0.0, 32], [64, 32]])], 4.0)
    assert line[:, 32].sum() == pytest.approx(4, rel=0.15)


def test_blending_is_linear() -> None:
    black, white = np.zeros((2, 2, 3)), np.full((2, 2, 3), 255.0)
    share = np.array([[0, 0.25], [0.5, 1]])
    assert blended(black, white, share)[..., 0] == pytest.approx(255 * share)
