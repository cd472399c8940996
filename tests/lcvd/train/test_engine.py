"""Learning rate, DeepSpeed's configuration, gradient checkpointing, averages of weights."""

import itertools

import pytest
import torch
from torch import nn

from lcvd.config.train import OptimiserSettings, UNetSettings
from lcvd.model.lcvd import LCVD
from lcvd.train.engine import Average, deepspeed_config, learning_rate, recompute
from lcvd.train.flops import meta_unet, unet_inputs
from tests.lcvd.train.conftest import tiny


def test_learning_rate_rises_then_falls_to_zero() -> None:
    settings = OptimiserSettings(lr=1.0, schedule="cosine", warmup=4)
    rates = [learning_rate(step, 24, settings) for step in range(24)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[14] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.0062, abs=1e-3)
    assert all(a > b for a, b in itertools.pairwise(rates[4:]))


def test_constant_rate_is_the_papers() -> None:
    assert {learning_rate(step, 30_000, OptimiserSettings()) for step in (0, 1, 29_999)} == {1e-5}


def test_deepspeed_gets_the_settings() -> None:
    config = deepspeed_config(tiny(batch=3, global_batch=15, engine={"zero": 2}).train, parameters=1000)
    assert config["train_micro_batch_size_per_gpu"] == 3
    assert config["gradient_accumulation_steps"] == 5
    assert config["gradient_clipping"] == 1.0
    assert config["zero_optimization"] == {"stage": 2, "reduce_bucket_size": 1000, "allgather_bucket_size": 1000}
    assert "checkpoint" not in config


def test_deepspeed_offloads_what_the_settings_say() -> None:
    optimiser = {"name": "adamw"}
    for offload, expected in (("optimiser", {"offload_optimizer"}), ("all", {"offload_optimizer", "offload_param"})):
        engine = {"zero": 3, "offload": offload}
        zero = deepspeed_config(tiny(engine=engine, optimiser=optimiser).train, 1000)["zero_optimization"]
        assert {key for key in zero if key.startswith("offload")} == expected
        assert all(zero[key]["device"] == "cpu" for key in expected)


def test_levels_of_largest_pictures_are_computed_again() -> None:
    shape = tiny().train.model.model_copy(
        update={"unet": UNetSettings(channels=(32, 32, 32), heads=(1, 1, 1), layers=1, time_ids_dim=8)}
    )
    unet = meta_unet(shape)
    for levels, expected in ((0, set()), (1, {"down0", "up2"}), (2, {"down0", "up2", "down1", "up1"}), (9, None)):
        recompute(unet, levels)
        blocks = {f"down{i}": b for i, b in enumerate(unet.down_blocks)} | {f"up{i}": b for i, b in enumerate(unet.up_blocks)} | {"mid": unet.mid_block}  # fmt: skip
        on = {name for name, block in blocks.items() if block.gradient_checkpointing}
        assert on == (set(blocks) if expected is None else expected)


def test_computing_again_changes_no_gradient() -> None:
    """Against the same backward pass with everything kept."""
    shape = tiny().train.model
    gradients = []
    for levels in (0, 1, 2):
        model = LCVD.fresh(shape, 0)
        recompute(model.unet, levels)
        model.train()
        x, sigma, token, ids = (torch.ones_like(t) for t in unet_inputs(shape, device="cpu"))
        model.unet(x, sigma, token, ids, return_dict=False)[0].square().mean().backward()
        gradients.append([p.grad for p in model.unet.parameters()])
    for other in gradients[1:]:
        for a, b in zip(gradients[0], other, strict=True):
            torch.testing.assert_close(a, b)


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
