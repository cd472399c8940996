from lcvd.config.evaluate import METHOD_NAMES
from lcvd.evaluate.methods.registry import METHODS


def test_the_settings_know_this_projects_names():
    assert METHODS.names() == METHOD_NAMES.names()


def test_every_method_has_a_title_and_a_meaning():
    assert all(METHODS.get(name).title and METHODS.get(name).meaning for name in METHOD_NAMES)
