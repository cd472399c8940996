"""Adapter: features of a condition image, which are added to the output of the UNet's first convolution (spec A2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lcvd.model.hf_classes import ConfigMixin, ModelMixin, register_to_config

# (output channels, kernel, stride) of the convolutions; together they reduce the image to an eighth of its side.
LAYERS = ((3, 3, 1), (16, 4, 2), (16, 3, 1), (32, 4, 2), (32, 3, 1), (64, 4, 2), (64, 3, 1), (128, 3, 1))


class Adapter(ModelMixin, ConfigMixin):
    """Convolutions with SiLU, a projection initialised to zero, and a learned scale.

    A new adapter outputs zeros, so the model initially behaves as the UNet alone. With `out_channels` 320 it has the 19 tensors
    and 205,557 parameters of the published one.
    """

    @register_to_config
    def __init__(self, out_channels: int = 320) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 3
        for channels, kernel, stride in LAYERS:
            layers += [nn.Conv2d(width, channels, kernel, stride, padding=1), nn.SiLU()]
            width = channels
        self.conv_layers = nn.Sequential(*layers)
        self.final_proj = nn.Conv2d(width, out_channels, kernel_size=1)
        self.scale = nn.Parameter(torch.full((1,), 2.0))

    def reset(self, generator: torch.Generator) -> Adapter:
        """Draw initial weights from `generator` as published: He-normal convolutions, zero projection, scale 2."""
        with torch.no_grad():
            for conv in self.conv_layers:
                if isinstance(conv, nn.Conv2d):
                    fan_in = conv.in_channels * conv.kernel_size[0] * conv.kernel_size[1]
                    conv.weight.normal_(0.0, math.sqrt(2 / fan_in), generator=generator)
                    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
            nn.init.zeros_(self.final_proj.weight)
            nn.init.zeros_(self.final_proj.bias)  # type: ignore[arg-type]
            self.scale.fill_(2.0)
        return self

    def forward(self, x_BF3HW: Tensor) -> Tensor:
        """Features (B*F, out_channels, H/8, W/8) of images (B, F, 3, H, W), in the value range of their condition."""
        return self.scale * self.final_proj(self.conv_layers(x_BF3HW.flatten(0, 1)))
