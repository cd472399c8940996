"""Sampling against numbers of the published code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lcvd.model.objective import Coefficients
from lcvd.model.sampler import TwoConditions, euler_scheduler, sample


@pytest.mark.golden
def test_golden_sigma_schedule(golden_dir: Path) -> None:
    d = np.load(golden_dir / "sigma_schedule.npz")
    for steps in (int(key[7:]) for key in d.files if key.startswith("sigmas_")):
        scheduler = euler_scheduler(steps)
        np.testing.assert_allclose(scheduler.sigmas.numpy(), d[f"sigmas_{steps}"], rtol=3e-6)
        np.testing.assert_allclose(scheduler.timesteps.numpy(), d[f"timesteps_{steps}"], rtol=3e-6, atol=1e-6)
        assert float(scheduler.init_noise_sigma) == pytest.approx(float(d[f"init_noise_sigma_{steps}"]), rel=3e-6)
        edm = Coefficients.at(scheduler.sigmas[:-1].double())
        for name in ("c_in", "c_skip", "c_out", "c_noise", "weight"):
            np.testing.assert_allclose(getattr(edm, name).numpy(), d[f"{name}_{steps}"], rtol=1e-5, err_msg=name)
        x = torch.from_numpy(d[f"traj_{steps}"][0])
        for i, t in enumerate(scheduler.timesteps):
            v = 0.7 * torch.tanh(scheduler.scale_model_input(x, t)) + 0.1 * t
            x = scheduler.step(v, t, x, return_dict=False)[0]
            bound = 2e-4 * max(1.0, float(scheduler.sigmas[i + 1]))
            np.testing.assert_allclose(x.numpy(), d[f"traj_{steps}"][i + 1], atol=bound, rtol=0)


def published_stand_in(d: np.lib.npyio.NpzFile, run: str) -> TwoConditions:
    """The fake network of the golden runs, with that run's two sets of conditions."""
    light, ref, head = (
        gain * torch.from_numpy(d[f"{run}_{name}"])[:, None, None, None]
        for name, gain in (("light", 2.0), ("ref", 1.5), ("head", 3.0))
    )
    condition = torch.from_numpy(d["cond_latent"]) * (1 - torch.from_numpy(d[f"{run}_mask"]).float())
    token = float(d["clip_embed"].mean())
    position = torch.arange(16.0)[:, None, None, None]

    def network(x: Tensor, t: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
        def v(shading: Tensor, reference: Tensor, landmark: Tensor, token: float) -> Tensor:
            base = 0.6 * torch.tanh(x) + 0.3 * torch.sin(condition) + 0.1 * torch.cos(0.5 * position) * (1 + shading)
            base = base + 0.15 * reference * torch.tanh(x.roll(1, 1)) + 0.05 * t + 0.2 * token
            return base + 0.25 * landmark * torch.sin(x) + 6 * 0.001 + 127 * 0.0001 + 0.02

        s, r, h = light[indices], ref[indices], head[indices]
        off = torch.zeros_like(s)
        full = v(off, r, h, token) if run == "landmark" else v(s, r, off, token)
        return v(off, r if run == "relighting" else off, off, 0.0), full

    return network


@pytest.mark.golden
def test_golden_composer_guidance_and_tiles_runs(golden_dir: Path) -> None:
    d = np.load(golden_dir / "composer_guidance_and_tiles.npz")
    for run in (key.removesuffix("_params") for key in d.files if key.endswith("_params")):
        frames, steps, guidance = int(d[f"{run}_params"][0]), int(d[f"{run}_params"][1]), float(d[f"{run}_params"][2])
        states: dict[int, Tensor] = {}
        latents = sample(
            published_stand_in(d, run),
            torch.from_numpy(d["init_noise"])[0],
            frames,
            steps=steps,
            guidance=guidance,
            inspect=states.__setitem__,
        )
        np.testing.assert_allclose(latents.numpy(), d[f"{run}_final"][0], atol=5e-4, rtol=0, err_msg=run)
        sigmas = euler_scheduler(steps).sigmas
        for key in (key for key in d.files if key.startswith(f"{run}_after_step_")):
            step = int(key.rpartition("_")[2])
            bound = 2e-5 * max(1.0, float(sigmas[step + 1]))
            np.testing.assert_allclose(states[step][::4].numpy(), d[key][0], atol=bound, rtol=0, err_msg=key)


def test_a_perfect_network_gives_the_clean_latents_back() -> None:
    """v of a point mass leads every start to that point, whatever the windows, the guidance and the length."""
    target = torch.randn(23, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(8, 2, 3, 3, generator=torch.Generator().manual_seed(1))

    def network(x: Tensor, t: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
        sigma = (4 * t).exp()
        z = x * (sigma**2 + 1).sqrt()
        v = ((z - target[indices]) / sigma - sigma * target[indices]) / (sigma**2 + 1).sqrt()
        return v, v

    for frames in (23, 8, 5):
        latents = sample(network, noise, frames, steps=25, guidance=4.5, overlap=3)
        torch.testing.assert_close(latents, target[:frames], atol=2e-3, rtol=0)


def test_progress_counts_every_network_call() -> None:
    seen: list[tuple[int, int]] = []
    sample(
        lambda x, t, i: (x, x), torch.zeros(4, 1, 2, 2), 9, steps=3, guidance=1.0, overlap=2,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(i + 1, 12) for i in range(12)]
