"""A new neck and clothes change only the image below the chin."""

import numpy as np
import pytest

from lcvd.studio.clothing import replace_clothing
from lcvd.studio.layout import FaceLayout

SIZE = 128
ROW, COLUMN = np.mgrid[:SIZE, :SIZE].astype(np.float32)


@pytest.fixture
def image(layout: FaceLayout) -> np.ndarray:
    """Grey image with uniform skin colour."""
    grey = np.full((SIZE, SIZE, 3), 90, np.float32)
    grey[layout.skin > 0] = (200, 150, 120)
    return grey


@pytest.mark.parametrize("seed", range(8))
def test_the_face_and_the_image_above_it_are_unchanged(image: np.ndarray, layout: FaceLayout, seed: int) -> None:
    other, outline = replace_clothing(image, layout, np.random.default_rng(seed))
    upper = ROW < 66
    face = np.hypot((COLUMN - 64) / 16, (ROW - 66) / 17) < 1
    for kept in (upper, face):
        assert np.abs(other - image)[kept].max() < 8
        assert np.abs(outline - layout.person)[kept].max() < 0.1


@pytest.mark.parametrize("seed", range(8))
def test_the_neck_has_skin_colour_and_the_shoulders_reach_the_image_border(
    image: np.ndarray, layout: FaceLayout, seed: int
) -> None:
    other, outline = replace_clothing(image, layout, np.random.default_rng(seed))
    throat = other[90:93, 60:68].mean((0, 1))
    assert throat[0] > throat[1] > throat[2]
    assert outline[92, 58:70].min() > 0.9
    widths = outline.sum(1)
    assert widths[-1] > 1.3 * widths[92]
    assert outline[-1, 64] == pytest.approx(1)


def test_outlines_vary_and_can_become_narrower(image: np.ndarray, layout: FaceLayout) -> None:
    """A person whose shoulders fill the width may get narrow ones."""
    outlines = [replace_clothing(image, layout, np.random.default_rng(seed))[1] for seed in range(12)]
    sums = [outline[100:].sum() for outline in outlines]
    assert min(sums) < 0.8 * layout.person[100:].sum()
    assert len({round(float(each)) for each in sums}) > 8
