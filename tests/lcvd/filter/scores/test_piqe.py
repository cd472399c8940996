"""PIQE orders images by quality; without its package the error names what to install."""

import importlib.util
import sys

import cv2
import numpy as np
import pytest

from lcvd.filter.scores import piqe
from lcvd.filter.scores.piqe import mean_piqe

needs_pyiqa = pytest.mark.skipif(importlib.util.find_spec("pyiqa") is None, reason="pyiqa (extra 'quality') is missing")


@needs_pyiqa
def test_piqe_worsens_with_compression(carphone: np.ndarray) -> None:
    def compressed(image: np.ndarray, quality: int) -> np.ndarray:
        return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)

    images = list(carphone[::20])
    good, poor, bad = (mean_piqe([compressed(image, quality) for image in images]) for quality in (95, 20, 5))
    assert 0 <= good < poor < bad <= 100


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, carphone: np.ndarray) -> None:
    piqe._piqe.cache_clear()
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs pyiqa: install the extra \(pip install 'lcvd\[quality\]'"):
        mean_piqe([carphone[0]])
