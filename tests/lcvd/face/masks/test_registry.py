from lcvd.config.reconstruct import MASKER_NAMES
from lcvd.face.masks.registry import MASKERS


def test_the_settings_know_this_projects_names() -> None:
    assert MASKERS.names() == MASKER_NAMES.names()


def test_the_default_needs_no_file() -> None:
    assert MASKERS.get("mediapipe").weights() == {}
