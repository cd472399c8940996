"""Packing: latents of a finer autoencoder brought to an eighth of the frame's side, and turned and scaled on the way.

Shape suffixes: N frames, C packed channels, h w an eighth of the frame's sides.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcvd.model.hf_classes import ConfigMixin, ModelMixin, register_to_config


class Packing(ModelMixin, ConfigMixin):
    """Puts `pack` x `pack` places into channels, then takes ``mean`` off and multiplies by ``basis``.

    Halfway whitened, principal components first, packed channels are much easier to generate than neighbouring places
    side by side, whose differences drown in noise. A new one only packs.

    Attributes:
        mean: (C,). basis: (C, C).
    """

    @register_to_config
    def __init__(self, channels: int, pack: int = 2) -> None:
        super().__init__()
        # Frozen weights, not buffers: training leaves those of the whole codec out of its checkpoints.
        self.mean = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.basis = nn.Parameter(torch.eye(channels), requires_grad=False)

    def turned(self, weights: Mapping[str, Tensor]) -> Packing:
        """This one, with ``mean`` and ``basis`` of `weights`."""
        self.load_state_dict(weights, strict=True)
        return self

    def forward(self, latents: Tensor) -> Tensor:
        """Packed latents (N,C,h,w)."""
        packed = F.pixel_unshuffle(latents, self.config["pack"])
        return F.conv2d(packed - self.mean[:, None, None], self.basis[..., None, None])

    def undo(self, packed_NChw: Tensor) -> Tensor:
        """The autoencoder's latents back."""
        inverse = torch.linalg.inv(self.basis.double()).to(packed_NChw.dtype)
        latents = F.conv2d(packed_NChw, inverse[..., None, None]) + self.mean[:, None, None]
        return F.pixel_shuffle(latents, self.config["pack"])
