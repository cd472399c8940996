"""Section `evaluate`: what replaces the model's own sampling defaults."""

from lcvd.config.explain import explained
from lcvd.config.profiles import profile


def test_null_replaces_nothing():
    demo = {"recipe": "fast", "steps": 6, "guidance": None, "likeness": None, "adapters": None}
    assert profile("demo").evaluate.overrides == demo
    assert profile("paper").evaluate.overrides == dict.fromkeys(demo)
    for name in demo:
        [key] = explained(f"evaluate.{name}")
        assert "model's own" in key.meaning
        assert "null" in key.takes
