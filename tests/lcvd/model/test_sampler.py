"""Sampling against numbers of the published code."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lcvd.model.guidance import NEGATIVE, NO_REFERENCE, POSITIVE, Guidance
from lcvd.model.recipe import Recipe
from lcvd.model.sampler import Network, Rows, sample
from lcvd.model.schedule import euler_scheduler, solver_of


def published_stand_in(d: np.lib.npyio.NpzFile, run: str) -> Network:
    """The fake network of the golden runs, with that run's two sets of conditions."""
    light, ref, head = (
        gain * torch.from_numpy(d[f"{run}_{name}"])[:, None, None, None]
        for name, gain in (("light", 2.0), ("ref", 1.5), ("head", 3.0))
    )
    condition = torch.from_numpy(d["cond_latent"]) * (1 - torch.from_numpy(d[f"{run}_mask"]).float())
    token = float(d["clip_embed"].mean())
    position = torch.arange(16.0)[:, None, None, None]

    def network(scaled: Tensor, t: Tensor, rows: Rows) -> Tensor:
        both = [one(x, t, frames) for x, frames in zip(scaled, rows.frames_RT, strict=True)]
        return torch.stack([pair[which] for pair, which in zip(both, rows.set_R.tolist(), strict=True)])

    def one(x: Tensor, t: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
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
@pytest.mark.parametrize("rows", [1, 5])
def test_golden_composer_guidance_and_tiles_runs(golden_dir: Path, rows: int) -> None:
    d = np.load(golden_dir / "composer_guidance_and_tiles.npz")
    for run in (key.removesuffix("_params") for key in d.files if key.endswith("_params")):
        frames, steps, guidance = int(d[f"{run}_params"][0]), int(d[f"{run}_params"][1]), float(d[f"{run}_params"][2])
        states: dict[int, Tensor] = {}
        latents = sample(
            published_stand_in(d, run),
            torch.from_numpy(d["init_noise"])[0],
            frames,
            scheduler=euler_scheduler(),
            recipe=Recipe(steps),
            guidance=Guidance(guidance),
            rows=rows,
            on_step=lambda step, _, latents, states=states: states.__setitem__(step, latents.clone()),
        )
        np.testing.assert_allclose(latents.numpy(), d[f"{run}_final"][0], atol=5e-4, rtol=0, err_msg=run)
        scheduler = euler_scheduler()
        scheduler.set_timesteps(steps)
        sigmas = scheduler.sigmas
        for key in (key for key in d.files if key.startswith(f"{run}_after_step_")):
            step = int(key.rpartition("_")[2])
            bound = 2e-5 * max(1.0, float(sigmas[step + 1]))
            np.testing.assert_allclose(states[step][::4].numpy(), d[key][0], atol=bound, rtol=0, err_msg=key)


TARGET = torch.randn(23, 2, 3, 3, generator=torch.Generator().manual_seed(0))
NOISE = torch.randn(8, 2, 3, 3, generator=torch.Generator().manual_seed(1))


def perfect(x: Tensor, t: Tensor, rows: Rows) -> Tensor:
    """v of a point mass."""
    target, sigma = TARGET[rows.frames_RT], (4 * t).exp()
    z = x * (sigma**2 + 1).sqrt()
    return ((z - target) / sigma - sigma * target) / (sigma**2 + 1).sqrt()


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(25),
        Recipe(25, windows="shifted", overlap=1),
        Recipe(12, "dpmpp", "shifted", 2, (0.5, 20)),
    ],
)
def test_a_perfect_network_gives_the_clean_latents_back(recipe: Recipe) -> None:
    """It leads every start to that point, whatever the windows, the guidance, the solver and the length."""
    for frames in (23, 8, 5):
        latents = sample(
            perfect,
            NOISE,
            frames,
            scheduler=euler_scheduler(),
            recipe=recipe,
            guidance=Guidance(4.5),
            overlap=3,
            rows=3,
        )
        torch.testing.assert_close(latents, TARGET[:frames], atol=2e-3, rtol=0)


def gaussian(x: Tensor, t: Tensor, _rows: Rows) -> Tensor:
    """v where latents are normal of deviation 0.5: the best guess is z / (1 + 4 sigma^2)."""
    sigma = (4 * t).exp()
    z = x * (sigma**2 + 1).sqrt()
    clean = z * 0.25 / (0.25 + sigma**2)
    return ((z - clean) / sigma - sigma * clean) / (sigma**2 + 1).sqrt()


def test_the_higher_order_solver_is_nearer_to_the_exact_path() -> None:
    """Of normal latents the path is known: z(0) = 0.5 z(sigma) / sqrt(0.25 + sigma^2)."""
    errors = {}
    for solver in ("euler", "dpmpp"):
        start = NOISE * solver_of(solver, euler_scheduler()).init_noise_sigma
        exact = 0.5 * start / (0.25 + 700.0**2) ** 0.5
        latents = sample(
            gaussian, NOISE, 8, scheduler=euler_scheduler(), recipe=Recipe(12, solver), guidance=Guidance(1.0)
        )
        errors[solver] = float((latents - exact).abs().mean())
    assert errors["dpmpp"] < 0.3 * errors["euler"], errors


def test_guidance_can_differ_from_frame_to_frame_and_end_with_the_noise_level() -> None:
    def network(x: Tensor, t: Tensor, rows: Rows) -> Tensor:
        asked.append((float((4 * t).exp()), rows.set_R.tolist()))
        return (rows.set_R == POSITIVE)[:, None, None, None, None] * torch.ones_like(x)

    def run(guidance: float | Tensor, interval: tuple[float, float] | None = None) -> Tensor:
        asked.clear()
        recipe = Recipe(4, interval=interval)
        return sample(network, NOISE, 8, scheduler=euler_scheduler(), recipe=recipe, guidance=Guidance(guidance))

    asked: list[tuple[float, list[int]]] = []
    weights = torch.tensor([0.0, 1, 2, 3, 4, 3, 2])
    varied = run(weights)
    for frame, weight in enumerate([0.0, *weights.tolist()]):  # the reference has the first hint's
        torch.testing.assert_close(varied[frame], run(weight)[frame])
    with pytest.raises(ValueError, match=r"expected one number, two, or 7 .*got \(3,\)"):
        run(weights[:3])
    everywhere = run(2.0)
    assert [sets for _, sets in asked] == [[NEGATIVE, POSITIVE]] * 4
    low = run(2.0, (0.0, 1.0))
    assert all(sets == ([NEGATIVE, POSITIVE] if sigma <= 1 else [POSITIVE]) for sigma, sets in asked)
    assert (low - everywhere).abs().max() > 1
    run(1.0)
    assert [sets for _, sets in asked] == [[POSITIVE]] * 4, "what counts nothing isn't computed"


def test_likeness_exaggerates_what_the_reference_changes_within_its_noise_levels() -> None:
    """Against the formula worked out with a network whose prediction is one number a set."""
    says = torch.tensor([0.5, 2.0, -1.0])

    def network(x: Tensor, t: Tensor, rows: Rows) -> Tensor:
        asked.append((float((4 * t).exp()), rows.set_R.tolist()))
        return says[rows.set_R][:, None, None, None, None] * torch.ones_like(x)

    def run(guidance: float, likeness: float, network: Network = network) -> Tensor:
        asked.clear()
        recipe = Recipe(5, likeness=(0.1, 5.0))
        return sample(
            network,
            NOISE,
            11,
            scheduler=euler_scheduler(),
            recipe=recipe,
            guidance=Guidance(guidance, likeness),
            rows=3,
        )

    asked: list[tuple[float, list[int]]] = []
    for guidance, likeness in ((3.0, 1.5), (1.0, 2.0), (3.0, 1.0)):
        wanted = 0.5 + guidance * 1.5

        def told(x: Tensor, t: Tensor, rows: Rows, wanted: float = wanted, likeness: float = likeness) -> Tensor:
            inside = 0.1 <= float((4 * t).exp()) <= 5
            return torch.full_like(x, wanted + (likeness - 1) * 3.0 * inside)

        expected = run(1.0, 1.0, told)
        torch.testing.assert_close(run(guidance, likeness), expected)
        sets = {sigma: {which for s, found in asked if s == sigma for which in found} for sigma, _ in asked}
        for sigma, found in sets.items():
            inside = 0.1 <= sigma <= 5
            assert found == {POSITIVE} | ({NEGATIVE} if guidance != 1 else set()) | (
                {NO_REFERENCE} if likeness != 1 and inside else set()
            )
        assert 1 <= sum(0.1 <= sigma <= 5 for sigma in sets) < 5


def test_a_callback_may_change_latents_and_progress_counts_every_row() -> None:
    seen: list[tuple[int, int]] = []

    def zeros(step: int, _timestep: Tensor, latents: Tensor) -> Tensor | None:
        assert latents.shape == (9, 1, 2, 2)
        return torch.zeros_like(latents) if step == 2 else None

    latents = sample(
        lambda x, t, rows: x, torch.ones(4, 1, 2, 2), 9, scheduler=euler_scheduler(), recipe=Recipe(3), guidance=Guidance(2.0),
        overlap=2, progress=lambda done, total: seen.append((done, total)), on_step=zeros,
    )  # fmt: skip
    assert not latents.any()
    assert seen == [(2 * i + 2, 24) for i in range(12)]
