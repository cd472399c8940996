from __future__ import annotations

import torch
from torch import nn

from lcvd.train.ema import Average


def test_average_follows_and_is_put_back() -> None:
    parameter = nn.Parameter(torch.zeros(3))
    average = Average([parameter], decay=0.9)
    with torch.no_grad():
        parameter.fill_(1.0)
    for step in range(200):
        average.update(step)
    with average.applied():
        assert 0.99 < parameter.min() < 1.0
    assert torch.equal(parameter, torch.ones(3))


def test_without_a_decay_the_weights_are_exported() -> None:
    parameter = nn.Parameter(torch.ones(3))
    average = Average([parameter], decay=0.0)
    average.update(0)
    with average.applied():
        assert torch.equal(parameter, torch.ones(3))
    assert average.values == []
