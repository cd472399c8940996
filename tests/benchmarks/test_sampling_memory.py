"""Memory of the full-size model by shapes."""

import pytest
import torch

from benchmarks.sampling_memory import sampling_peak
from lcvd.config.train import ModelSettings
from lcvd.train.memory_estimate import counts


def test_two_rows_in_half_precision_need_less_than_9_gb() -> None:
    found = sampling_peak(torch.float16)
    count = counts(ModelSettings())
    assert found["weights"] == pytest.approx(2 * (count.trainable + count.frozen) / 1e9, rel=0.01)
    assert found["weights"] < max(found["unet"], found["decode"]) < 9
    assert torch.get_default_dtype() == torch.float32
