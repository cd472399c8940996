"""The quality score orders pictures as it should; without its package the error says what to install."""

from __future__ import annotations

import importlib.util
import sys

import cv2
import numpy as np
import pytest

from lcvd.config.filter import QualitySettings
from lcvd.filter import picture_quality
from lcvd.filter.picture_quality import protocol, sampled, score_clip, score_frames

needs_pyiqa = pytest.mark.skipif(importlib.util.find_spec("pyiqa") is None, reason="pyiqa (extra 'quality') is missing")


@needs_pyiqa
def test_piqe_worsens_with_compression(carphone: np.ndarray) -> None:
    def compressed(image: np.ndarray, quality: int) -> np.ndarray:
        return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)

    images = list(carphone[::20])
    good, poor, bad = (score_frames([compressed(image, quality) for image in images]) for quality in (95, 20, 5))
    assert 0 <= good < poor < bad <= 100


def test_none_scores_nothing_and_needs_nothing(monkeypatch: pytest.MonkeyPatch, carphone, clip_from) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    settings = QualitySettings(metric="none")
    assert score_clip(clip_from(carphone[:2]), [carphone[0]], settings) is None
    assert protocol(settings) == {"metric": "none"}


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, carphone: np.ndarray) -> None:
    picture_quality._piqe.cache_clear()
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs pyiqa: install the extra \(pip install 'lcvd\[quality\]'"):
        score_frames([carphone[0]])


@pytest.mark.parametrize(
    ("frames", "count", "indices"), [(100, 3, [0, 50, 99]), (2, 8, [0, 1]), (1, 4, [0]), (16, 1, [0])]
)
def test_samples_are_spread_evenly(frames: int, count: int, indices: list[int]) -> None:
    assert sampled(frames, count) == indices
