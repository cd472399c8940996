"""The latent codec: scaling and packing of diffusers' autoencoder, and the included autoencoder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lcvd.config.train import LatentSettings
from lcvd.model.hf_classes import AutoencoderKL
from lcvd.model.latents import TINY, LatentCodec, codec_of
from lcvd.model.packing import Packing
from lcvd.studio.clip import StudioClip
from lcvd.weights.registry import MissingWeights
from lcvd.weights.strict import ModelError
from tests.lcvd.model.test_lcvd import four_channels


@pytest.fixture(scope="module")
def tiny() -> LatentCodec:
    """The codec that comes with the project."""
    return codec_of(LatentSettings(autoencoder="tiny"))


def noise(side: int = 32, frames: int = 2) -> Tensor:
    """Smooth random images."""
    rng = torch.Generator().manual_seed(0)
    return torch.nn.functional.interpolate(torch.rand(frames, 3, 4, 4, generator=rng), (side, side)) * 2 - 1


@torch.no_grad()
def test_latents_are_the_autoencoders_mode_scaled() -> None:
    """At scale 8 nothing is packed; condition latents aren't scaled (SVD's convention)."""
    codec, frames = four_channels(), noise()
    mode = codec.autoencoder.encode(frames).latent_dist.mode()
    assert codec.encode(frames).shape == (2, 4, 4, 4)
    torch.testing.assert_close(codec.encode_condition(frames), mode)
    torch.testing.assert_close(codec.encode(frames), mode * 0.18215)
    decoded = codec.autoencoder.decode(mode).sample.clamp(-1, 1)
    torch.testing.assert_close(codec.decode(codec.encode(frames)), decoded)


@torch.no_grad()
def test_samples_of_the_posterior_spread_around_its_mode(tiny: LatentCodec) -> None:
    for codec in (four_channels(), tiny):
        posterior = codec.autoencoder.encode(noise()).latent_dist
        shape = codec.encode(noise()).shape
        draws = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in range(200)]
        samples = torch.stack([codec.encode_condition(noise(), draw) for draw in draws])
        turned = (codec.packing.basis**2) @ torch.nn.functional.pixel_unshuffle(posterior.var, 2).mean((0, 2, 3)) \
            if codec.packing else posterior.var.mean((0, 2, 3))  # fmt: skip
        torch.testing.assert_close(samples.var(0).mean((0, 2, 3)), turned, rtol=0.2, atol=0)
        gap = samples.mean(0) - codec.encode_condition(noise())
        assert gap.abs().mean() < 0.2 * samples.std(0).mean()


def test_an_autoencoders_older_names_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sd-vae-ft-mse's file calls the parts of its attention as diffusers did in 2022."""
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    made, folder = four_channels(), tmp_path / "sd-vae-ft-mse"
    made.autoencoder.save_pretrained(folder)
    path = folder / "diffusion_pytorch_model.safetensors"
    older = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = load_file(path)
    for new, old in older.items():
        for key in [key for key in tensors if f"attentions.0.{new}." in key]:
            tensors[key.replace(new, old)] = tensors.pop(key)
    assert sum("query" in key for key in tensors) == 4
    save_file(tensors, path)
    assert torch.equal(codec_of(LatentSettings()).encode(noise()), made.encode(noise()))


@torch.no_grad()
def test_packing_keeps_every_latent_and_its_place(tiny: LatentCodec) -> None:
    """Turned back, channel 4 c + 2 row + column is channel c of the place (row, column) in its 2x2 block."""
    mode = tiny.autoencoder.encode(noise()).latent_dist.mode()
    latents = tiny.encode_condition(noise())
    assert tiny.pack == 2
    assert latents.shape == (2, 16, 4, 4)
    assert tiny.packing is not None
    rows = torch.linalg.solve(tiny.packing.basis, latents.movedim(1, -1).unsqueeze(-1))[..., 0]
    packed = rows.movedim(-1, 1) + tiny.packing.mean[:, None, None]
    for channel in range(16):
        c, row, column = channel // 4, channel % 4 // 2, channel % 2
        torch.testing.assert_close(packed[:, channel], mode[:, c, row::2, column::2], atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_latent_sees_its_neighbourhood_alone(tiny: LatentCodec) -> None:
    """Without attention in it, the same autoencoder serves every size: far away, a change changes nothing much."""
    frames = noise(128, 1)
    changed = frames.clone()
    changed[..., :16, :16] = -changed[..., :16, :16]
    apart = (tiny.encode(frames) - tiny.encode(changed)).abs().amax(1)[0]
    assert apart[:2, :2].min() > 0.05
    assert apart[10:, 10:].max() < 0.1 * apart[:2, :2].max()


@torch.no_grad()
def test_what_it_keeps_of_people_it_never_saw(tiny: LatentCodec) -> None:
    """28 dB on held-out renders, and latents of about unit variance."""
    clips = [StudioClip(who, 20_000, "left", frames=41, size=128) for who in ("astronaut", "hopper", "head-9100")]
    frames = np.concatenate([window for clip in clips for window, _ in clip.render(range(0, 41, 20))])
    pictures = torch.from_numpy(frames).movedim(-1, 1).float() / 127.5 - 1
    latents = tiny.encode(pictures)
    assert latents.std().item() == pytest.approx(1, abs=0.3)
    spread = latents.std((0, 2, 3))
    assert spread[:3].min() > 1.5 * spread[-3:].max(), "principal components first, halfway whitened"
    assert spread[-3:].min() > 0.1 * spread[:3].max()
    error = ((tiny.decode(latents) - pictures) ** 2).mean((1, 2, 3))
    decibels = 10 * (4 / error).log10()
    assert decibels.mean() > 28
    assert decibels.min() > 25


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in TINY.rglob("*.safetensors")) < 6_000_000
    assert sum(p.numel() for p in codec_of(LatentSettings(autoencoder="tiny")).parameters()) <= 3_000_000


def test_what_doesnt_fit_is_named(tiny: LatentCodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="20x16 px: both sides must be multiples of 8"):
        tiny.encode(torch.zeros(1, 3, 16, 20))
    blocks = {"down_block_types": ("DownEncoderBlock2D",), "up_block_types": ("UpDecoderBlock2D",)}
    with pytest.raises(ValueError, match="an autoencoder of scale 1"):
        LatentCodec(AutoencoderKL(block_out_channels=(32,), **blocks))
    with pytest.raises(ValueError, match="packing by 2 to 8 channels doesn't fit 4 channels at 1/4"):
        LatentCodec(tiny.autoencoder, Packing(8))
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match="sd-vae-ft-mse"):
        codec_of(LatentSettings())
    tiny.autoencoder.save_pretrained(tmp_path / "sd-vae-ft-mse")
    with pytest.raises(ModelError, match="16 latent channels; sd-vae-ft-mse has 4"):
        codec_of(LatentSettings())


def test_a_published_autoencoder_is_loaded_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the layout of hubs, float16 or not; its configuration may leave the scaling factor to the class."""
    monkeypatch.setenv("LCVD_WEIGHTS", str(tmp_path))
    made = four_channels()
    made.autoencoder.save_pretrained(tmp_path / "sd-vae-ft-mse")
    found = codec_of(LatentSettings())
    assert found.factor == 0.18215
    assert torch.equal(found.encode(noise()), made.encode(noise()))
    assert not any(weight.requires_grad for weight in found.parameters())
