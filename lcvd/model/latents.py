"""Latents: what the diffusion model works on instead of pixels (spec A4).

A diffusers `AutoencoderKL` turns frames into latents, frame by frame. One that halves the picture fewer than three times
has its latents packed, 2x2 places into four times the channels, so that every latent lies on an eighth of the frame's
side. A file `packing.safetensors` beside the weights may turn and scale the packed channels: halfway whitened, principal
components first, they are much easier to generate than neighbouring places side by side, whose differences drown in noise.
Two autoencoders are known by name: ``tiny`` comes with the project (`assets/tiny_autoencoder`, its card says how it
was made), ``sd-vae-ft-mse`` is the published one, looked for by the weights registry.

Shape suffixes: N frames, H W pixels, C latent channels, h w an eighth of H W.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lcvd.config.train import LatentSettings
from lcvd.model.networks import AutoencoderKL
from lcvd.model.parts import ONE_FILE, WEIGHTS, ModelError, load_weights, read_config
from lcvd.weights.registry import require

SCALE = 8
PACKING = "packing.safetensors"
TINY = Path(__file__).parent / "assets" / "tiny_autoencoder"


class LatentCodec(nn.Module):
    """A frozen autoencoder: frames (N,3,H,W) in [-1,1] to latents (N,C,h,w), and back.

    Args:
        autoencoder: its latents lie on the frame's side divided by 8, or by 4 or 2, which are packed.
        packing: ``mean`` (C,) is taken off packed latents, which are then multiplied by ``basis`` (C, C); both or none.

    Raises:
        ValueError: `autoencoder` makes latents at another scale.
    """

    mean: Tensor
    basis: Tensor
    inverse: Tensor

    def __init__(self, autoencoder: AutoencoderKL, packing: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        scale = 2 ** (len(autoencoder.config["block_out_channels"]) - 1)
        if SCALE % scale or scale == 1:
            raise ValueError(f"an autoencoder of scale {scale}: 2, 4 or 8 is expected")
        self.pack = SCALE // scale
        self.autoencoder = autoencoder.eval().requires_grad_(False)
        self.factor = float(autoencoder.config["scaling_factor"])
        packing = packing or {"mean": torch.zeros(self.channels), "basis": torch.eye(self.channels)}
        self.register_buffer("mean", packing["mean"][:, None, None], persistent=False)
        self.register_buffer("basis", packing["basis"][..., None, None], persistent=False)
        inverse = torch.linalg.inv(packing["basis"].double()).float()
        self.register_buffer("inverse", inverse[..., None, None], persistent=False)

    @property
    def channels(self) -> int:
        """Channels C of a latent."""
        return int(self.autoencoder.config["latent_channels"]) * self.pack**2

    @property
    def description(self) -> str:
        """What the latents are, in words, for reports."""
        size = sum(weight.numel() for weight in self.autoencoder.parameters())
        packed = f", {self.pack}x{self.pack} places packed" if self.pack > 1 else ""
        return f"{self.channels} channels of a {size / 1e6:.3g} M autoencoder (AutoencoderKL{packed})"

    def encode(self, frames_N3HW: Tensor) -> Tensor:
        """Latents that the model learns to generate, of about unit variance: the posterior's mode, scaled.

        Raises:
            ValueError: a side isn't a multiple of 8.
        """
        return self.encode_condition(frames_N3HW) * self.factor

    def encode_condition(self, frames_N3HW: Tensor) -> Tensor:
        """Latents of the reference image that is concatenated to the noisy ones: not scaled, as SVD has it."""
        height, width = frames_N3HW.shape[-2:]
        if height % SCALE or width % SCALE:
            raise ValueError(f"frames of {width}x{height} px: both sides must be multiples of {SCALE}")
        packed = F.pixel_unshuffle(self.autoencoder.encode(frames_N3HW).latent_dist.mode(), self.pack)
        return F.conv2d(packed - self.mean, self.basis)

    def decode(self, latents_NChw: Tensor) -> Tensor:
        """Frames (N,3,H,W) of scaled latents, clamped to [-1,1]."""
        packed = F.conv2d(latents_NChw / self.factor, self.inverse) + self.mean
        return self.autoencoder.decode(F.pixel_shuffle(packed, self.pack)).sample.clamp(-1, 1)

    def save(self, folder: Path) -> None:
        """Write config.json and weights, and the packing if there is one, so that `load_codec` reads them back."""
        self.autoencoder.save_pretrained(folder, max_shard_size=ONE_FILE)
        if self.pack > 1:
            packing = {"mean": self.mean[:, 0, 0], "basis": self.basis[..., 0, 0]}
            save_file({name: tensor.contiguous() for name, tensor in packing.items()}, folder / PACKING)


def load_codec(folder: Path) -> LatentCodec:
    """The codec around the autoencoder in `folder` (config.json and safetensors), in float32.

    Raises:
        ModelError: a file is missing, or keys or shapes don't fit the config.
    """
    with torch.device("meta"):
        autoencoder = AutoencoderKL.from_config(read_config(folder / "config.json"))
    load_weights(autoencoder, folder / WEIGHTS)
    file = folder / PACKING
    packing = {name: tensor.float() for name, tensor in load_file(file).items()} if file.exists() else None
    return LatentCodec(autoencoder.float(), packing)


def codec_of(settings: LatentSettings) -> LatentCodec:
    """The codec that the settings name.

    Raises:
        MissingWeights: a published autoencoder isn't where it is looked for.
        ModelError: its files don't fit, or have another number of channels than the settings say.
    """
    folder = TINY if settings.autoencoder == "tiny" else require(settings.autoencoder)
    codec = load_codec(folder)
    if codec.channels != settings.channels:
        raise ModelError(f"{folder}: {codec.channels} latent channels; {settings.autoencoder} has {settings.channels}")
    return codec
