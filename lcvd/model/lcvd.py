"""LCVD: the UNet of Stable Video Diffusion, with adapters whose features are added to its first convolution (spec A).

Shape suffixes: B clips, F frames, C latent channels, c UNet channels, H W pixels, h w latent sides, D token width.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from lcvd.config.train import SVD_SIGMAS, ModelSettings
from lcvd.errors import UsageError
from lcvd.model import init_weights
from lcvd.model.adapter import Adapter
from lcvd.model.hf_classes import CLIPVisionModelWithProjection, UNetSpatioTemporalConditionModel
from lcvd.model.image_token import image_token
from lcvd.model.latents import LatentCodec
from lcvd.model.parts import Parts
from lcvd.model.sampling import Sampling
from lcvd.model.schedule import euler_scheduler
from lcvd.model.trained_on import TrainedOn
from lcvd.weights.registry import ModelError

CONDITIONS = ("shading", "reference", "landmark")
PUBLISHED = Sampling()
PARTS = {
    "temporal": r"unet\..*\b(temporal_res_block|temporal_transformer_blocks|time_pos_embed|time_mixer)\.",
    **{name: rf"adapters\.{name}\." for name in CONDITIONS},
}
"""Patterns of the parameter names of parts that don't begin with the part's name."""


class LCVD(nn.Module):
    """A video UNet, one adapter per condition, CLIP's image encoder and a latent codec.

    The UNet has no additional parameters: its state dict is that of diffusers, and with new adapters, or without adapters, its
    output is bitwise that of diffusers.

    Attributes:
        adapters: by the name of their condition (of `CONDITIONS`), in order.
        size: side of the frames in pixels.
        frames, overlap: length of a window, and frames shared by consecutive windows of a long video (spec D).
        sigmas: lowest and highest noise level of sampling.
        warp_reference: whether the reference adapter receives the reference warped to each frame
            (`lcvd.render.warp.WarpedReference`) instead of the same image for all frames.
        sampling: the sampling defaults. trained_on: the preprocessing of the training data.
    """

    def __init__(
        self,
        unet: UNetSpatioTemporalConditionModel,
        adapters: Mapping[str, Adapter],
        image_encoder: CLIPVisionModelWithProjection,
        codec: LatentCodec,
        *,
        size: int,
        frames: int,
        overlap: int,
        sigmas: tuple[float, float] = SVD_SIGMAS,
        warp_reference: bool = False,
        sampling: Sampling = PUBLISHED,
        trained_on: TrainedOn = TrainedOn(),  # noqa: B008 (immutable)
    ) -> None:
        super().__init__()
        width = unet.config["block_out_channels"][0]
        if unknown := set(adapters) - set(CONDITIONS):
            raise ModelError(f"adapters for {sorted(unknown)}; conditions are {', '.join(CONDITIONS)}")
        for name, adapter in adapters.items():
            if (found := adapter.config["out_channels"]) != width:
                raise ModelError(f"the {name} adapter gives {found} channels, the UNet's first convolution {width}")
        if unet.config["in_channels"] != 2 * codec.channels:
            raise ModelError(
                f"latents of {codec.channels} channels don't fit a UNet of {unet.config['in_channels']} inputs"
            )
        self.unet = unet
        self.adapters = nn.ModuleDict(adapters)
        self.image_encoder = image_encoder
        self.codec = codec
        self.size, self.frames, self.overlap, self.sigmas = size, frames, overlap, sigmas
        self.warp_reference, self.sampling, self.trained_on = warp_reference, sampling, trained_on

    @classmethod
    def fresh(cls, settings: ModelSettings, seed: int) -> LCVD:
        """A model before its first training step, in float32, with the weights of ``settings.start``.

        All other weights are random, from `seed`; random adapters output zeros (spec B3).

        Raises:
            MissingWeights: published weights aren't installed.
            ModelError: their shape isn't that of `settings`; the error names the setting.
        """
        return cls(
            init_weights.unet(settings, seed),
            init_weights.adapters(settings, seed),
            init_weights.image_encoder(settings.start, settings.image_encoder, seed),
            init_weights.codec(settings.start, settings.latents),
            size=settings.size,
            frames=settings.frames,
            overlap=settings.overlap,
            sigmas=settings.sigmas,
            warp_reference=settings.warp_reference,
            sampling=init_weights.sampling(settings.start),
        ).eval()

    @classmethod
    def of(cls, parts: Parts) -> LCVD:
        """The model of loaded parts, in evaluation mode."""
        codec = LatentCodec(parts.vae, parts.packing)
        sigmas = parts.scheduler.config["sigma_min"], parts.scheduler.config["sigma_max"]
        config = {
            **parts.config,
            "sampling": Sampling(**parts.config["sampling"]),
            "trained_on": TrainedOn(**parts.config["trained_on"]),
        }
        return cls(parts.unet, parts.adapters, parts.image_encoder, codec, sigmas=sigmas, **config).eval()

    def parts(self) -> Parts:
        """The parts of the model."""
        adapters: Any = dict(self.adapters)
        config = {
            "size": self.size,
            "frames": self.frames,
            "overlap": self.overlap,
            "warp_reference": self.warp_reference,
            "sampling": asdict(self.sampling),
            "trained_on": self.trained_on.plain(),
        }
        vae, packing, scheduler = self.codec.autoencoder, self.codec.packing, euler_scheduler(self.sigmas)
        return Parts(self.unet, adapters, self.image_encoder, vae, packing, scheduler, config)

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.unet.device

    def trainable(self) -> list[nn.Parameter]:
        """Parameters of the UNet and the adapters without those that `train_only` froze. Image encoder and codec are frozen
        in any case (spec B3)."""
        return [p for p in (*self.unet.parameters(), *self.adapters.parameters()) if p.requires_grad]

    def train_only(self, parts: Sequence[str]) -> None:
        """Freeze all parameters except those of `parts` (setting ``train.trained``).

        Raises:
            UsageError: no parameter belongs to a part; the message names it.
        """
        named = {name: p for name, p in self.named_parameters() if name.startswith(("unet.", "adapters."))}
        chosen: set[str] = set()
        for part in parts:
            pattern = re.compile(PARTS.get(part) or rf"{re.escape(part)}(\.|$)")
            found = {name for name in named if pattern.match(name)}
            if not found:
                raise UsageError(f"train.trained: no parameter of the model belongs to {part!r}")
            chosen |= found
        for name, parameter in named.items():
            parameter.requires_grad_(name in chosen)

    def token(self, images_B3HW: Tensor) -> Tensor:
        """Image token (B,1,D) of unmasked reference images in [-1,1]."""
        return image_token(self.image_encoder, images_B3HW)

    def features(self, conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Adapter features (B, F, c, h, w) of condition images (B, F, 3, H, W), by name.

        A condition that is the same for all frames has F = 1. Features don't depend on the noise level, so sampling computes them
        once.
        """
        if unknown := set(conditions) - set(self.adapters):
            raise ValueError(f"no adapter for {sorted(unknown)}; this model has {list(self.adapters)}")
        return {name: self.adapters[name](x).unflatten(0, x.shape[:2]) for name, x in conditions.items()}

    def forward(
        self,
        x_BFChw: Tensor,
        timestep_B: Tensor,
        token_B1D: Tensor,
        time_ids_B3: Tensor,
        features: Mapping[str, Tensor],
        gates: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """The raw output of the network: the v-prediction (B,F,C,h,w).

        Args:
            x_BFChw: scaled noisy latents and condition latents, concatenated along the channels.
            timestep_B: 0.25 ln(sigma).
            time_ids_B3: [fps - 1, motion bucket, noise level of the condition].
            features: output of `features`; a missing condition adds nothing.
            gates: (B,) of 0 or 1 by name, multiplied with the features; 1 if missing.

        Raises:
            ValueError: shapes don't fit the model or each other; the error names the argument.
        """
        self._check(x_BFChw, timestep_B, token_B1D, time_ids_B3, features, gates or {})
        with self._added_to_conv_in(self._sum(features, gates or {}, x_BFChw.shape[:2])):
            return self.unet(x_BFChw, timestep_B, token_B1D, time_ids_B3, return_dict=False)[0]

    def _check(
        self,
        x: Tensor,
        timestep: Tensor,
        token: Tensor,
        time_ids: Tensor,
        features: Mapping[str, Tensor],
        gates: Mapping[str, Tensor],
    ) -> None:
        """Check the shapes of the arguments of `forward`."""
        if x.ndim != 5 or x.shape[2] != self.unet.config["in_channels"]:
            raise ValueError(f"x: expected (B, F, {self.unet.config['in_channels']}, h, w), got {tuple(x.shape)}")
        clips, frames, _, height, width = x.shape
        plain = {
            "timestep": (timestep, (clips,)),
            "token": (token, (clips, 1, self.unet.config["cross_attention_dim"])),
            "time_ids": (time_ids, (clips, 3)),
            **{f"gates[{name!r}]": (gate, (clips,)) for name, gate in gates.items()},
        }
        for name, (given, shape) in plain.items():
            if tuple(given.shape) != shape:
                raise ValueError(f"{name}: expected {shape}, got {tuple(given.shape)}")
        channels = self.unet.config["block_out_channels"][0]
        for name, feature in features.items():
            shapes = [(b, f, channels, height, width) for b in {1, clips} for f in {1, frames}]
            if tuple(feature.shape) not in shapes:
                raise ValueError(
                    f"features[{name!r}]: expected ({clips} or 1, {frames} or 1, {channels}, {height}, {width}), got "
                    f"{tuple(feature.shape)}"
                )

    @staticmethod
    def _sum(features: Mapping[str, Tensor], gates: Mapping[str, Tensor], shape: torch.Size) -> Tensor | None:
        total: Tensor | None = None
        for name, feature in features.items():
            gated = feature * gates[name][:, None, None, None, None] if name in gates else feature
            total = gated if total is None else total + gated
        return None if total is None else total.expand(*shape, *total.shape[2:]).flatten(0, 1)

    @contextmanager
    def _added_to_conv_in(self, features_Nchw: Tensor | None) -> Iterator[None]:
        """Within this context the output of the first convolution includes the features, also on its skip connection."""

        def add(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
            return None if features_Nchw is None else output + features_Nchw.to(output.dtype)

        handle = self.unet.conv_in.register_forward_hook(add)
        try:
            yield
        finally:
            handle.remove()
