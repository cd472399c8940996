"""Latents: the diffusion model's representation of frames (spec A4).

A diffusers `AutoencoderKL` encodes frames one by one. Latents of an autoencoder that downsamples by less than 8 are packed
(`lcvd.model.packing`), so all latents have an eighth of the frame's side. Two autoencoders have names: ``tiny`` is included
(`assets/tiny_autoencoder`; its card says how it was made), ``sd-vae-ft-mse`` is the published one, which the weights registry
finds.

Shape suffixes: N frames, H W pixels, C latent channels, h w an eighth of H W.
"""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from lcvd.config.train import LatentSettings
from lcvd.errors import UsageError
from lcvd.model.hf_classes import AutoencoderKL
from lcvd.model.load import load_part, load_vae
from lcvd.model.packing import Packing
from lcvd.weights.registry import require
from lcvd.weights.strict import ModelError

SCALE = 8
TINY = Path(__file__).parent / "assets" / "tiny_autoencoder"


class LatentCodec(nn.Module):
    """A frozen autoencoder: frames (N,3,H,W) in [-1,1] to latents (N,C,h,w), and back.

    Args:
        autoencoder: downsamples by 8, 4 or 2; latents of the last two are packed.
        packing: how latents are packed; None: without rotation or scaling.

    Raises:
        UsageError: `autoencoder` downsamples by another factor, or `packing` doesn't fit it.
    """

    def __init__(self, autoencoder: AutoencoderKL, packing: Packing | None = None) -> None:
        super().__init__()
        scale = 2 ** (len(autoencoder.config["block_out_channels"]) - 1)
        if SCALE % scale or scale == 1:
            raise UsageError(f"an autoencoder of scale {scale}: 2, 4 or 8 is expected")
        pack, own = SCALE // scale, int(autoencoder.config["latent_channels"])
        if packing is None and pack > 1:
            packing = Packing(own * pack**2, pack)
        found = (packing.config["pack"], packing.config["channels"]) if packing else (1, own)
        if found != (pack, own * pack**2):
            raise UsageError(f"packing by {found[0]} to {found[1]} channels doesn't fit {own} channels at 1/{scale}")
        self.autoencoder = autoencoder.eval().requires_grad_(False)
        self.packing = packing
        self.pack: int = pack
        self.channels: int = own * pack**2
        self.factor = float(autoencoder.config["scaling_factor"])

    @property
    def description(self) -> str:
        """Description of the latents for reports."""
        size = sum(weight.numel() for weight in self.autoencoder.parameters())
        packed = f", {self.pack}x{self.pack} places packed" if self.pack > 1 else ""
        return f"{self.channels} channels of a {size / 1e6:.3g} M autoencoder (AutoencoderKL{packed})"

    def encode(self, frames_N3HW: Tensor, noise_NChw: Tensor | None = None) -> Tensor:
        """Scaled latents, of about unit variance, as the model generates them: the posterior's mode, or a sample of it if normal
        `noise_NChw` is given.

        Raises:
            ValueError: a side isn't a multiple of 8.
        """
        return self.encode_condition(frames_N3HW, noise_NChw) * self.factor

    def encode_condition(self, frames_N3HW: Tensor, noise_NChw: Tensor | None = None) -> Tensor:
        """Unscaled latents, as in SVD: those of the reference image, which are concatenated to the noisy latents."""
        return self.drawn(*self.posterior(frames_N3HW), noise_NChw)

    def posterior(self, frames_N3HW: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the autoencoder's posterior, neither packed nor scaled.

        Raises:
            ValueError: a side isn't a multiple of 8.
        """
        height, width = frames_N3HW.shape[-2:]
        if height % SCALE or width % SCALE:
            raise ValueError(f"frames of {width}x{height} px: both sides must be multiples of {SCALE}")
        posterior = self.autoencoder.encode(frames_N3HW).latent_dist
        return posterior.mode(), posterior.std

    def drawn(self, mean: Tensor, std: Tensor, noise_NChw: Tensor | None = None) -> Tensor:
        """Unscaled latents (N,C,h,w) of a `posterior`: its mode, or a sample of it if normal `noise_NChw` is given."""
        latents = mean if noise_NChw is None else mean + std * F.pixel_shuffle(noise_NChw, self.pack)
        return self.packing(latents) if self.packing else latents

    def decode(self, latents_NChw: Tensor) -> Tensor:
        """Frames (N,3,H,W) of scaled latents, clamped to [-1,1]."""
        latents = latents_NChw / self.factor
        return self.autoencoder.decode(self.packing.undo(latents) if self.packing else latents).sample.clamp(-1, 1)


def codec_of(settings: LatentSettings) -> LatentCodec:
    """The codec that the settings name, in float32.

    Raises:
        MissingWeights: a published autoencoder isn't installed.
        ModelError: its files don't fit, or its number of channels isn't that of the settings.
    """
    folder = TINY if settings.autoencoder == "tiny" else require(settings.autoencoder)
    packing = load_part(Packing, folder / "packing") if (folder / "packing").is_dir() else None
    codec = LatentCodec(load_vae(folder), packing).float()
    if codec.channels != settings.channels:
        raise ModelError(f"{folder}: {codec.channels} latent channels; {settings.autoencoder} has {settings.channels}")
    return codec


def load_codec(model: Path) -> LatentCodec:
    """The codec of a model folder, in float32.

    Raises:
        ModelError: its files don't fit.
    """
    packing = load_part(Packing, model / "packing") if (model / "packing").is_dir() else None
    return LatentCodec(load_vae(model / "vae"), packing).float()
