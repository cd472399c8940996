"""A clip's score comes from the registered score of that name."""

from __future__ import annotations

import sys

import pytest

from lcvd.config.filter import QualitySettings
from lcvd.filter.image_quality import protocol, sampled, score_clip


def test_none_scores_nothing_and_needs_nothing(monkeypatch: pytest.MonkeyPatch, carphone, clip_from) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    settings = QualitySettings(metric="none")
    assert score_clip(clip_from(carphone[:2]), [carphone[0]], settings) is None
    assert protocol(settings) == {"metric": "none"}


@pytest.mark.parametrize(
    ("frames", "count", "indices"), [(100, 3, [0, 50, 99]), (2, 8, [0, 1]), (1, 4, [0]), (16, 1, [0])]
)
def test_samples_are_spread_evenly(frames: int, count: int, indices: list[int]) -> None:
    assert sampled(frames, count) == indices
