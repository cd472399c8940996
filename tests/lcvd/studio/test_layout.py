"""Face layout, drawing and blending, against plain geometry."""

import numpy as np
import pytest

from lcvd.studio.layout import FaceLayout, blend, draw_outlines


def test_positions_are_in_eye_distances_along_the_face(layout: FaceLayout) -> None:
    assert layout.eye_distance == 20
    assert layout.at(0.5, 0).tolist() == [74, 52]
    assert layout.at(0, 1).tolist() == [64, 72]
    tilted = FaceLayout(np.array([[50.0, 50], [62, 66]]), layout.mouth, layout.chin, layout.skin, layout.person)
    assert tilted.eye_distance == 20
    assert tilted.at(0.5, 0) == pytest.approx(np.array([62, 66]))
    assert tilted.at(0, 1) == pytest.approx(np.array([56 - 16, 58 + 12]))


def test_a_polygon_covers_its_area_and_a_line_its_width() -> None:
    square = np.array([[10.0, 10], [30, 10], [30, 30], [10, 30]])
    cover = draw_outlines(64, [square])
    assert cover.sum() == pytest.approx(400, rel=0.03)
    assert cover[20, 20] == 1
    assert cover[40, 40] == 0
    line = draw_outlines(64, [np.array([[0.0, 32], [64, 32]])], 4.0)
    assert line[:, 32].sum() == pytest.approx(4, rel=0.15)


def test_blending_is_linear() -> None:
    black, white = np.zeros((2, 2, 3)), np.full((2, 2, 3), 255.0)
    share = np.array([[0, 0.25], [0.5, 1]])
    assert blend(black, white, share)[..., 0] == pytest.approx(255 * share)
