import pytest

from lcvd.config.train import ModelSettings
from lcvd.train.flops import work_of


def test_the_full_size_steps_work_is_the_specs() -> None:
    """20.3 TFLOP forward, 60.9 with the backward pass, 81.2 when everything is computed again (spec I)."""
    work = work_of(ModelSettings())
    assert work.unet == pytest.approx(20.3e12, rel=0.005)
    assert work.adapters == pytest.approx(0.040e12, rel=0.02)
    assert work.step(0) == pytest.approx(60.9e12, rel=0.005)
    assert work.step(4) == pytest.approx(81.2e12, rel=0.005)
    assert work.step(1) < work.step(2) < work.step(4) == work.step(9)
