from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.config.train import ObjectiveSettings
from lcvd.model.random_draws import Draws, draw, gates_from


@pytest.mark.golden
def test_golden_training_loss_gates(golden_dir: Path) -> None:
    d = np.load(golden_dir / "training_loss.npz")
    u = torch.rand(1_000_000, 4, generator=torch.Generator().manual_seed(int(d["seed"])))
    gates = gates_from(u, ObjectiveSettings()).long()
    pattern = torch.bincount(gates @ torch.tensor([4, 2, 1]), minlength=8) / len(u)
    np.testing.assert_allclose(pattern.numpy(), d["gate_pattern_freq"], atol=2e-3)
    np.testing.assert_allclose(gates.float().mean(0).numpy(), d["gate_marginals"], atol=2e-3)


def test_two_adapters_gate_frequencies() -> None:
    u = torch.rand(1_000_000, 3, generator=torch.Generator().manual_seed(0))
    gates = gates_from(u, ObjectiveSettings()).long()
    pattern = torch.bincount(gates @ torch.tensor([2, 1]), minlength=4) / len(u)
    np.testing.assert_allclose(pattern.numpy(), [0.3, 0.2, 0.2, 0.3], atol=2e-3)


def one(sample: int, seed: int = 0) -> Draws:
    """Small draws."""
    return draw(seed, sample, ObjectiveSettings(), ("shading", "reference"), (2, 4, 2, 2), (16, 16))


def test_draws_have_the_published_distribution() -> None:
    many = Draws.stack([one(i) for i in range(20_000)])
    assert many.sigma_B.log().mean().item() == pytest.approx(0.7, abs=0.04)
    assert many.sigma_B.log().std().item() == pytest.approx(1.6, abs=0.04)
    assert many.condition_sigma_B.median().item() == pytest.approx(0.0498, rel=0.03)
    both = torch.stack([many.token_on_B, many.latent_on_B], 1).long()
    frequency = torch.bincount(both @ torch.tensor([2, 1]), minlength=4) / len(both)
    np.testing.assert_allclose(frequency.numpy(), [0.1, 0.1, 0.1, 0.7], atol=0.01)
    assert many.noise_BFChw.std().item() == pytest.approx(1, abs=0.01)


def test_draws_are_a_function_of_seed_and_sample() -> None:
    a, again, next_sample, next_seed = one(5), one(5), one(6), one(5, seed=1)
    assert torch.equal(a.noise_BFChw, again.noise_BFChw)
    assert torch.equal(a.condition_noise_B3HW, again.condition_noise_B3HW)
    assert not torch.equal(a.noise_BFChw, next_sample.noise_BFChw)
    assert not torch.equal(a.noise_BFChw, next_seed.noise_BFChw)
