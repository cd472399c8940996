"""The adapter against numbers of the published code, and its initial state."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.model.adapter import Adapter
from lcvd.model.seeds import generator
from tests.golden_rules import fan_in, normal, rule_weights, uniform

OFFSETS = {"light": 0, "ref": 10, "head": 20}


@pytest.mark.golden
def test_golden_adapter(golden_dir: Path) -> None:
    d = np.load(golden_dir / "adapter.npz")
    seed = int(d["seed"])
    for name in (key[4:] for key in d.files if key.startswith("out_")):
        adapter = Adapter()
        state = rule_weights(adapter, seed + OFFSETS[name], lambda key, x: 1.5 * fan_in(x) if x.ndim == 4 else None)
        state["scale"] = torch.tensor([2.0])
        adapter.load_state_dict(state, strict=True)
        if name == "ref":
            x = np.clip(0.5 * normal(seed, "adapter.ref", (1, 2, 3, 64, 64)), -1, 1)
        else:
            x = uniform(seed, f"adapter.{name}", (1, 2, 3, 64, 64))
        out = adapter(torch.from_numpy(x).float())
        (out**2).mean().backward()
        second = adapter(torch.from_numpy(uniform(seed, f"adapter2.{name}", (2, 3, 3, 32, 48))).float())
        first_conv = adapter.conv_layers[0].weight
        for found, key in (
            (out, f"out_{name}"),
            (second, f"out2_{name}"),
            (first_conv.grad, f"grad_conv0_{name}"),
            (adapter.scale.grad, f"grad_scale_{name}"),
        ):
            np.testing.assert_allclose(found.detach().numpy(), d[key], atol=1e-5, rtol=0, err_msg=key)


def test_published_layout() -> None:
    state = Adapter().state_dict()
    assert len(state) == 19
    assert sum(tensor.numel() for tensor in state.values()) == 205_557
    assert state["conv_layers.14.weight"].shape == (128, 64, 3, 3)
    assert state["final_proj.weight"].shape == (320, 128, 1, 1)


def test_fresh_adapter_is_zero_he_normal_and_the_same_for_a_seed() -> None:
    a, b, c = (Adapter(64).reset(generator(seed, "adapter")) for seed in (3, 3, 4))
    assert torch.count_nonzero(a(torch.rand(1, 2, 3, 32, 32))) == 0
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(a.conv_layers[0].weight, c.conv_layers[0].weight)
    for conv in (a.conv_layers[12], a.conv_layers[14]):
        expected = math.sqrt(2 / (conv.in_channels * 9))
        assert conv.weight.std().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (128, 64), (72, 40)])
def test_features_are_an_eighth(height: int, width: int) -> None:
    assert Adapter(32)(torch.zeros(2, 3, 3, height, width)).shape == (6, 32, height // 8, width // 8)
