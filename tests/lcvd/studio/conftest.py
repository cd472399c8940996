"""Fixture: a face layout to draw on."""

import numpy as np
import pytest

from lcvd.studio.layout import FaceLayout

SIZE = 128


@pytest.fixture
def layout() -> FaceLayout:
    """A face of 40 x 56 px, eyes 20 px apart, above shoulders that fill the image width of 128."""
    row, column = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    skin = (np.hypot((column - 64) / 20, (row - 60) / 28) < 1).astype(np.float32)
    person = np.maximum(skin, row > 96).astype(np.float32)
    return FaceLayout(np.array([[54.0, 52], [74, 52]]), np.array([[57.0, 74], [71, 74]]), 88.0, skin, person)
