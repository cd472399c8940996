import pytest

from lcvd.config.profiles import profile


def test_an_unknown_profile_lists_the_known_ones():
    with pytest.raises(ValueError, match="'paperr' doesn't exist; choose one of demo, paper"):
        profile("paperr")


def test_the_paper_profile_uses_fastervqa() -> None:
    settings = profile("paper").filter
    assert settings.quality.metric == "fastervqa"
    assert (settings.quality.sampling, settings.quality.draws, settings.thresholds.min_fastervqa) == ("script", 1, 0.6)
