"""The untrained model of `relighting`'s tests, and the made-up videos of `metrics`' tests."""

from tests.lcvd.metrics.conftest import real, video  # noqa: F401
from tests.lcvd.relighting.conftest import model, portrait, relight_settings, scratch, tiny_model  # noqa: F401
