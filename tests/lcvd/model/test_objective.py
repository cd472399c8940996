"""The objective against numbers of the published code, and its identities."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.config.train import ObjectiveSettings
from lcvd.model.lcvd import LCVD
from lcvd.model.objective import Batch, Coefficients, Objective, losses, network_input, time_ids, velocity
from lcvd.model.random_draws import Draws, draw
from tests.golden_rules import normal
from tests.lcvd.model.test_lcvd import tiny, trained


def golden_case(d: np.lib.npyio.NpzFile) -> tuple[torch.Tensor, ...]:
    """Latents, noise, sigma, network output and mask of the recipe."""
    shape, seed = (*d["mask"].shape[:2], 4, *d["mask"].shape[3:]), int(d["seed"])
    z = torch.from_numpy(0.9 * normal(seed, "loss.latents", shape)).float()
    noise = torch.from_numpy(normal(seed, "loss.noise", shape)).float()
    sigma = torch.from_numpy(d["sigma"])[:, None, None, None, None]
    output = velocity(z, noise, sigma) + torch.from_numpy(0.3 * normal(seed, "loss.pred_err", shape)).float()
    return z, noise, sigma, output, torch.from_numpy(d["mask"]).float()


@pytest.mark.golden
def test_golden_training_loss(golden_dir: Path) -> None:
    d = np.load(golden_dir / "training_loss.npz")
    z, noise, sigma, output, mask = golden_case(d)
    for found, key in ((output, "noise_pred_head"), (z, "latents_head"), (noise, "noise_head")):
        np.testing.assert_allclose(found[0, 0].numpy(), d[key], atol=1e-6, err_msg=key)
    ldm, portrait = losses(output, velocity(z, noise, sigma), mask)
    for found, keys in ((ldm, ("L_LDM", "vmse_LDM")), (portrait, ("L_p", "vmse_Lp"))):
        for key in keys:
            np.testing.assert_allclose(found.numpy(), d[key], atol=1e-5, err_msg=key)
    np.testing.assert_allclose(float((ldm + portrait).mean()), d["total"], atol=1e-5)
    edm = Coefficients.at(sigma)
    for name, key in (("c_out", "c_out"), ("c_skip", "c_skip"), ("weight", "weight"), ("c_noise", "timesteps")):
        np.testing.assert_allclose(getattr(edm, name).flatten().numpy(), d[key], rtol=1e-5, err_msg=key)
    np.testing.assert_allclose((edm.c_in * (z + sigma * noise))[:, 0].numpy(), d["inp_noisy_first"], atol=1e-5)


def test_weighted_error_of_denoised_latents_is_the_error_of_v(golden_dir: Path) -> None:
    z, noise, sigma, output, _ = golden_case(np.load(golden_dir / "training_loss.npz"))
    z, noise, sigma, output = (tensor.double() for tensor in (z, noise, sigma, output))
    edm = Coefficients.at(sigma)
    denoised = edm.c_out * output + edm.c_skip * (z + sigma * noise)
    weighted = (edm.weight * (denoised - z) ** 2).mean((1, 2, 3, 4))
    direct = ((output - velocity(z, noise, sigma)) ** 2).mean((1, 2, 3, 4))
    torch.testing.assert_close(weighted, direct, rtol=1e-9, atol=0)


def batch(clips: int) -> Batch:
    """A random batch."""
    rng = torch.Generator().manual_seed(0)
    settings = tiny()
    shape = (settings.frames, settings.latents.channels, 8, 8)
    return Batch(
        torch.randint(256, (clips, settings.frames, 64, 64, 3), generator=rng, dtype=torch.uint8),
        torch.randint(256, (clips, settings.frames, 64, 64, 3), generator=rng, dtype=torch.uint8),
        (torch.rand(clips, settings.frames, 1, 8, 8, generator=rng) > 0.5).float(),
        Draws.stack([draw(0, i, ObjectiveSettings(), settings.conditions, shape, (64, 64)) for i in range(clips)]),
    )


@torch.no_grad()
def test_loss_of_a_clip_is_independent_of_its_batch() -> None:
    objective = Objective(trained(LCVD.fresh(tiny(), 0)), ObjectiveSettings()).eval()
    whole = batch(3)
    together = objective(whole)
    for i in range(3):
        part = slice(i, i + 1)
        d = whole.draws
        draws = Draws(
            d.sigma_B[part],
            d.noise_BFChw[part],
            d.condition_sigma_B[part],
            d.condition_noise_B3HW[part],
            d.posterior_noise_BGChw[part],
            d.token_on_B[part],
            d.latent_on_B[part],
            {name: gate[part] for name, gate in d.gates.items()},
        )
        alone = objective(Batch(whole.frames_BGHW3[part], whole.hints_BFHW3[part], whole.mask_BF1hw[part], draws))
        for a, b in zip(alone, together, strict=True):
            torch.testing.assert_close(a[0], b[i], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_model_is_trained_on_the_references_that_it_will_be_shown() -> None:
    still, pictures = batch(1), batch(1).frames_BGHW3
    moving = replace(still, warped_BFHW3=pictures)
    for warp, fits, other in ((False, still, moving), (True, moving, still)):
        settings = tiny().model_copy(update={"warp_reference": warp})
        objective = Objective(trained(LCVD.fresh(settings, 0)), ObjectiveSettings()).eval()
        assert objective(fits)[0].isfinite().all()
        with pytest.raises(ValueError, match=f"`warp_reference` is {warp}"):
            objective(other)


@torch.no_grad()
def test_the_portrait_is_removed_from_the_condition_latent() -> None:
    """With the reference adapter and the token off, the reference's portrait reaches the network by no other way."""
    objective = Objective(trained(LCVD.fresh(tiny(), 0)), ObjectiveSettings()).eval()
    seen = []
    objective.model.unet.conv_in.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    whole = batch(1)
    objective(replace(whole, draws=replace(whole.draws, latent_on_B=torch.ones(1))))
    objective(replace(whole, draws=replace(whole.draws, latent_on_B=torch.zeros(1))))
    condition = seen[0].unflatten(0, (1, -1))[:, :, 16:]
    mask = whole.mask_BF1hw[:, :1]
    assert torch.count_nonzero(condition * mask) == 0
    assert torch.count_nonzero(condition * (1 - mask)) > 0
    assert torch.equal(condition[:, 0], condition[:, -1]), "repeated over frames"
    assert torch.count_nonzero(seen[1][:, 16:]) == 0, "dropped"


def test_every_trainable_parameter_gets_a_gradient_and_the_loss_falls() -> None:
    model = LCVD.fresh(tiny(), 0)
    objective = Objective(model, ObjectiveSettings())
    whole = batch(2)
    on = {name: torch.ones(2) for name in model.adapters}
    whole = replace(whole, draws=replace(whole.draws, gates=on, token_on_B=torch.ones(2), latent_on_B=torch.ones(2)))
    optimiser = torch.optim.AdamW(model.trainable(), 2e-3)
    values = []
    for _ in range(8):
        optimiser.zero_grad()
        loss = objective.total(*objective(whole))
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    assert all(p.grad is not None for p in model.trainable())
    assert all(p.grad is None for p in model.image_encoder.parameters())
    assert values[-1] < 0.9 * values[0], values


def test_input_layout() -> None:
    scaled, condition = torch.zeros(2, 3, 4, 2, 2), torch.ones(2, 4, 2, 2)
    x = network_input(scaled, condition)
    assert x.shape == (2, 3, 8, 2, 2)
    assert torch.equal(x[:, :, 4:], torch.ones(2, 3, 4, 2, 2))
    assert time_ids(torch.tensor([0.02])).tolist() == [[6.0, 127.0, pytest.approx(0.02)]]
