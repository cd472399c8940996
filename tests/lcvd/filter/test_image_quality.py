"""A clip is scored by the registered metric of the given name."""

import pytest

from lcvd.filter.image_quality import evenly_spaced


@pytest.mark.parametrize(
    ("frames", "count", "indices"), [(100, 3, [0, 50, 99]), (2, 8, [0, 1]), (1, 4, [0]), (16, 1, [0])]
)
def test_indices_are_evenly_spaced(frames: int, count: int, indices: list[int]) -> None:
    assert evenly_spaced(frames, count) == indices
