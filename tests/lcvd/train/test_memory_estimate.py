"""The memory estimate against a real run and the published numbers."""

from typing import Any

import pytest
import torch

from lcvd.config.profiles import profile
from lcvd.config.train import ModelSettings, TrainSettings
from lcvd.model.lcvd import LCVD
from lcvd.train.engine import make_optimiser, recompute
from lcvd.train.flops import unet_inputs
from lcvd.train.memory_estimate import activations, counts, parts
from tests.lcvd.train.conftest import tiny


def saved_bytes(settings: TrainSettings) -> int:
    """What autograd keeps of a real forward pass, weights left out."""
    model = LCVD.fresh(settings.model, 0)
    recompute(model.unet, settings.engine.checkpointed_levels)
    unet, seen = model.unet.train(), {}
    own = {p.untyped_storage().data_ptr() for p in unet.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        seen[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = unet(*unet_inputs(settings.model, device="cpu"), return_dict=False)[0]
    del output
    return sum(t.untyped_storage().nbytes() for key, t in seen.items() if key not in own)


def test_parameters_are_counted_exactly() -> None:
    model = LCVD.fresh(tiny().train.model, 0)
    found = counts(tiny().train.model)
    assert found.trainable == sum(p.numel() for p in model.trainable())
    frozen = [*model.image_encoder.parameters(), *model.codec.autoencoder.parameters()]
    assert found.frozen == sum(p.numel() for p in frozen)


def test_the_full_size_model_is_counted_exactly() -> None:
    """Spec A1, A2, A4, A5."""
    found = counts(ModelSettings())
    assert found.trainable == 1_524_623_082 + 2 * 205_557
    assert found.frozen == pytest.approx(83.65e6 + 632.1e6, rel=1e-3)


def test_optimiser_states_are_counted_exactly() -> None:
    settings = tiny(optimiser={"name": "adamw"}).train
    parameters = LCVD.fresh(settings.model, 0).trainable()
    optimiser = make_optimiser(parameters, settings.optimiser)
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    moments = [state[key] for state in optimiser.state.values() for key in ("exp_avg", "exp_avg_sq")]
    assert sum(t.nbytes for t in moments) == parts(settings, counts(settings.model), 0)["optimiser"]


def test_activations_are_those_of_a_real_forward_pass() -> None:
    settings = tiny(engine={"checkpointed_levels": 0}).train
    assert activations(settings) == pytest.approx(saved_bytes(settings), rel=0.01)


def test_computing_again_keeps_less_at_every_level() -> None:
    kept = [activations(tiny(engine={"checkpointed_levels": levels}).train) for levels in (0, 1, 2)]
    assert kept[0] > 1.3 * kept[1] > 1.3 * kept[2]


def test_lower_precision_keeps_less() -> None:
    assert activations(tiny(precision="bf16").train) < 0.8 * activations(tiny(precision="fp32").train)


@pytest.mark.parametrize(
    ("world", "engine", "name", "gigabytes"),
    [(1, {}, "adamw", 24.4), (1, {}, "adamw8bit", 15.3), (8, {"zero": 3}, "adamw", (6.1 + 6.1 + 12.2 + 6.1) / 8)],
)
def test_static_memory_is_the_specs(world: int, engine: dict[str, Any], name: str, gigabytes: float) -> None:
    """Weights, gradients and states of the trainable part (spec I); ZeRO's copy of the weights comes on top."""
    base = profile("paper").train.model_dump()
    changed = {"processes": world, "engine": engine, "optimiser": {"name": name}, "watch": {"video_every": 0}}
    settings = TrainSettings.model_validate(base | changed)
    found = parts(settings, counts(settings.model), 0)
    share = 1 / world if engine else 1
    frozen = 4 * counts(settings.model).frozen * share
    held = found["weights"] - frozen + found["gradients"] + found["optimiser"]
    assert held == pytest.approx(gigabytes * 1e9, rel=0.01)
