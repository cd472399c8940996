"""Packing: bring latents of an autoencoder with a smaller downsampling factor to 1/8 of the frame, rotated and scaled.

Shape suffixes: N frames, C packed channels, h w an eighth of the frame's sides.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcvd.model.hf_classes import ConfigMixin, ModelMixin, register_to_config


class Packing(ModelMixin, ConfigMixin):
    """Moves blocks of `pack` x `pack` positions into channels, subtracts ``mean`` and multiplies by ``basis``.

    With a basis of partly whitened principal components, packed channels are much easier to generate than the raw ones: the
    small differences between neighbouring positions would be lost in the noise. A new instance only packs.

    Attributes:
        mean: (C,). basis: (C, C).
    """

    @register_to_config
    def __init__(self, channels: int, pack: int = 2) -> None:
        super().__init__()
        # Frozen parameters instead of buffers: training checkpoints leave out the parameters of the codec.
        self.mean = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.basis = nn.Parameter(torch.eye(channels), requires_grad=False)

    def turned(self, weights: Mapping[str, Tensor]) -> Packing:
        """Load ``mean`` and ``basis`` from `weights`; returns itself."""
        self.load_state_dict(weights, strict=True)
        return self

    def forward(self, latents: Tensor) -> Tensor:
        """Packed latents (N,C,h,w)."""
        packed = F.pixel_unshuffle(latents, self.config["pack"])
        return F.conv2d(packed - self.mean[:, None, None], self.basis[..., None, None])

    def undo(self, packed_NChw: Tensor) -> Tensor:
        """The autoencoder's latents, from packed ones."""
        inverse = torch.linalg.inv(self.basis.double()).to(packed_NChw.dtype)
        latents = F.conv2d(packed_NChw, inverse[..., None, None]) + self.mean[:, None, None]
        return F.pixel_shuffle(latents, self.config["pack"])
