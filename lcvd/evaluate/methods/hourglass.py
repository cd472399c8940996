"""DPR's hourglass network (Zhou et al., Deep Single-Image Portrait Relighting, 2019), with the published file's keys.

Four nested U levels; in the narrowest place the first 27 channels are the picture's light, and they are exchanged for the
light asked for. So one pass tells a picture's own light and relights it. It sees the lightness of 512 px and nothing else.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

LIGHT, COEFFICIENTS = 27, 9
"""Channels of the bottleneck that hold the light, and coefficients of a light."""
_WIDTHS = {"HG0": (64, 155), "HG1": (32, 64), "HG2": (16, 32), "HG3": (16, 16)}
"""Channels of each level, outside and one level further in; innermost first."""


class LightBlock(nn.Module):
    """The bottleneck: 27 channels are averaged to the picture's light, and made anew of the light asked for."""

    def __init__(self, middle: int = 128) -> None:
        super().__init__()
        self.predict_FC1 = nn.Conv2d(LIGHT, middle, 1, bias=False)
        self.predict_relu1 = nn.PReLU()
        self.predict_FC2 = nn.Conv2d(middle, COEFFICIENTS, 1, bias=False)
        self.post_FC1 = nn.Conv2d(COEFFICIENTS, middle, 1, bias=False)
        self.post_relu1 = nn.PReLU()
        self.post_FC2 = nn.Conv2d(middle, LIGHT, 1, bias=False)

    def forward(self, x_BCHW: Tensor, light_BK11: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, 155, H, W) and lights (B, 9, 1, 1): features with the new light, and the old light (B, 9, 1, 1)."""
        own = x_BCHW[:, :LIGHT].mean(dim=(2, 3), keepdim=True)
        own = self.predict_FC2(self.predict_relu1(self.predict_FC1(own)))
        new = functional.relu(self.post_FC2(self.post_relu1(self.post_FC1(light_BK11))))
        return torch.cat([new.expand(-1, -1, *x_BCHW.shape[2:]), x_BCHW[:, LIGHT:]], dim=1), own


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut; normalised over the batch, or each picture by itself."""

    def __init__(self, inputs: int, outputs: int, *, batch_norm: bool) -> None:
        super().__init__()
        norm = nn.BatchNorm2d if batch_norm else nn.InstanceNorm2d
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), norm(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), norm(outputs)
        self.shortcuts = nn.Conv2d(inputs, outputs, 1, bias=False)
        self._identity = inputs == outputs

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H, W)."""
        x = functional.relu(self.bn1(self.conv1(x_BCHW)))
        x = self.bn2(self.conv2(x))
        # The published file has weights for every shortcut; where the width stays they were never trained nor used.
        return functional.relu(x + (x_BCHW if self._identity else self.shortcuts(x_BCHW)))


class Level(nn.Module):
    """One level of the U: a skip connection beside what happens at half the size."""

    def __init__(self, outside: int, inside: int, middle: nn.Module) -> None:
        super().__init__()
        self.upper = Residual(outside, outside, batch_norm=False)
        self.low1 = Residual(outside, inside, batch_norm=True)
        self.middle = middle
        self.low2 = Residual(inside, outside, batch_norm=False)

    def forward(self, x_BCHW: Tensor, light_BK11: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, C, H, W), H and W even, and lights (B, 9, 1, 1): features relit, and the old light (B, 9, 1, 1)."""
        inner, own = self.middle(self.low1(functional.max_pool2d(x_BCHW, 2)), light_BK11)
        inner = functional.interpolate(self.low2(inner), scale_factor=2, mode="nearest")
        return self.upper(x_BCHW) + inner, own


class Hourglass(nn.Module):
    """The whole network for 512 px; new instances have random weights."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.pre_conv, self.pre_bn = nn.Conv2d(1, width, 5, padding=2), nn.BatchNorm2d(width)
        self.light = LightBlock()
        inner: nn.Module = self.light
        # Every level is an attribute of its own as well as the next one's middle: the published file lists it so.
        for name, widths in _WIDTHS.items():
            inner = Level(*widths, inner)
            self.add_module(name, inner)
        self.conv_1, self.bn_1 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.conv_2, self.bn_2 = nn.Conv2d(width, width, 1), nn.BatchNorm2d(width)
        self.conv_3, self.bn_3 = nn.Conv2d(width, width, 1), nn.BatchNorm2d(width)
        self.output = nn.Conv2d(width, 1, 1)

    def forward(self, lightness_B1HW: Tensor, light_BK: Tensor) -> tuple[Tensor, Tensor]:
        """Lightness (B, 1, 512, 512) in [0, 1] and lights (B, 9): relit lightness in (0, 1), and the own lights (B, 9)."""
        x = functional.relu(self.pre_bn(self.pre_conv(lightness_B1HW)))
        x, own = self.get_submodule("HG3")(x, light_BK[:, :, None, None])
        for conv, norm in ((self.conv_1, self.bn_1), (self.conv_2, self.bn_2), (self.conv_3, self.bn_3)):
            x = functional.relu(norm(conv(x)))
        return torch.sigmoid(self.output(x)), own[:, :, 0, 0]
