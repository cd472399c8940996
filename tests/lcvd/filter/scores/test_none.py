import sys

import pytest

from lcvd.config.filter import QualitySettings
from lcvd.filter.image_quality import quality_provenance, score_clip


def test_metric_none_needs_no_package(monkeypatch: pytest.MonkeyPatch, carphone, clip_from) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    settings = QualitySettings(metric="none")
    assert score_clip(clip_from(carphone[:2]), [carphone[0]], settings) is None
    assert quality_provenance(settings) == {"metric": "none"}
