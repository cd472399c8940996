"""An installed package adds a quality score; stage `filter` uses it and records the package."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from lcvd.config.filter import QUALITY_SCORE_NAMES, QualitySettings
from lcvd.filter.scores.registry import QUALITY_SCORES
from lcvd.filter.stage import filter_chunk
from tests.packages import install

ENTRIES = "[lcvd.quality_scores]\nbrightness = toy_scores:BRIGHTNESS\n"
SOURCE = """
class Brightness:
    higher_is_better, top = True, 255

    def provenance(self, settings):
        return {"frames": settings.frames}

    def score(self, clip, images, settings):
        return float(sum(image.mean() for image in images) / len(images))

    def limit(self, thresholds):
        return 10.0 if thresholds.quality_limit is None else thresholds.quality_limit

    def describe(self, score, provenance):
        return f"brightness {score:.0f} in {provenance['frames']} frames"

BRIGHTNESS = Brightness()
"""


def test_the_settings_know_this_projects_names() -> None:
    assert QUALITY_SCORES.names() == QUALITY_SCORE_NAMES.names()


def test_an_installed_package_adds_a_quality_score(
    carphone, clip_from, cache, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path, "toy-scores", ENTRIES, toy_scores=SOURCE)
    with pytest.raises(ValidationError, match="unknown quality score 'brightnes'; did you mean 'brightness'"):
        QualitySettings(metric="brightnes")
    toy = settings.model_copy(update={"quality": QualitySettings(metric="brightness", frames=2)})
    clip = clip_from(carphone[:20])
    row = filter_chunk([clip], cache, toy)[0]
    assert row.status == "kept"
    assert row.score == pytest.approx(carphone[:20].mean(), rel=0.1)
    assert row.fields["scored"] == {"metric": "brightness", "package": "toy-scores 1.0", "frames": 2}
    limits = settings.thresholds.model_copy(update={"quality_limit": 254.0})
    dark = filter_chunk([clip], cache, toy.model_copy(update={"thresholds": limits}))[0]
    assert (dark.reason, dark.detail) == (
        "low_quality",
        f"brightness {row.score:.0f} in 2 frames, at least 254 required",
    )

    measured: list[object] = []
    monkeypatch.setattr("lcvd.filter.measure._measure", lambda *found: measured.append(found))
    filter_chunk([clip], cache, toy)
    assert not measured
    install(monkeypatch, tmp_path, "toy-scores", ENTRIES, version="1.1")
    filter_chunk([clip], cache, toy)
    assert measured  # another version of the package invalidates the cached measurements
