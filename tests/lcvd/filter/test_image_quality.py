"""A clip is scored by the registered metric of the given name."""

from __future__ import annotations

import sys

import pytest

from lcvd.config.filter import QualitySettings
from lcvd.filter.image_quality import evenly_spaced, quality_provenance, score_clip


def test_metric_none_needs_no_package(monkeypatch: pytest.MonkeyPatch, carphone, clip_from) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    settings = QualitySettings(metric="none")
    assert score_clip(clip_from(carphone[:2]), [carphone[0]], settings) is None
    assert quality_provenance(settings) == {"metric": "none"}


@pytest.mark.parametrize(
    ("frames", "count", "indices"), [(100, 3, [0, 50, 99]), (2, 8, [0, 1]), (1, 4, [0]), (16, 1, [0])]
)
def test_indices_are_evenly_spaced(frames: int, count: int, indices: list[int]) -> None:
    assert evenly_spaced(frames, count) == indices
