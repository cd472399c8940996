"""U²-Net, the nested U-Net of Qin et al. (2020), with the key names of the published files (spec C5).

Eleven stages are connected by skip connections, and each stage is a small U-Net (`Block`). Six side maps are predicted; the
fused map is a 1 x 1 convolution of them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lcvd.weights.registry import require
from lcvd.weights.strict import load_network

PARAMETERS, TENSORS = 44_009_869, 798
"""Number of parameters and tensors of the published file (spec J1)."""
_ENCODER = {
    "stage1": (7, 3, 32, 64),
    "stage2": (6, 64, 32, 128),
    "stage3": (5, 128, 64, 256),
    "stage4": (4, 256, 128, 512),
    "stage5": (0, 512, 256, 512),
    "stage6": (0, 512, 256, 512),
}
_DECODER = {
    "stage5d": (0, 1024, 256, 512),
    "stage4d": (4, 1024, 128, 256),
    "stage3d": (5, 512, 64, 128),
    "stage2d": (6, 256, 32, 64),
    "stage1d": (7, 128, 16, 64),
}
"""Depth of each stage's U-Net (0: four levels, dilated instead of pooled), and its input, inner and output channels."""
_SIDES = (64, 64, 128, 256, 512, 512)


class Convolution(nn.Module):
    """3 x 3 convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv_s1 = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(outputs)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H, W)."""
        return functional.relu(self.bn_s1(self.conv_s1(x_BCHW)))


class Block(nn.Module):
    """A residual U-Net: `depth` levels with pooling between all but the last two, or four dilated levels (`depth` 0)."""

    def __init__(self, depth: int, inputs: int, middle: int, outputs: int) -> None:
        super().__init__()
        self.pooled = depth > 0
        self.depth = depth or 4
        dilations = [1] * (self.depth - 1) + [2] if self.pooled else [1, 2, 4, 8]
        self.rebnconvin = Convolution(inputs, outputs)
        for level, dilation in enumerate(dilations, 1):
            self.add_module(f"rebnconv{level}", Convolution(outputs if level == 1 else middle, middle, dilation))
        for level in range(self.depth - 1, 0, -1):
            channels = outputs if level == 1 else middle
            self.add_module(f"rebnconv{level}d", Convolution(2 * middle, channels, dilations[level - 1]))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H, W)."""
        base = self.rebnconvin(x_BCHW)
        levels = [self.get_submodule("rebnconv1")(base)]
        for level in range(2, self.depth + 1):
            halved = self.pooled and level < self.depth
            levels.append(self.get_submodule(f"rebnconv{level}")(_half(levels[-1]) if halved else levels[-1]))
        x = levels[-1]
        for level in range(self.depth - 1, 0, -1):
            skip = levels[level - 1]
            x = self.get_submodule(f"rebnconv{level}d")(torch.cat([_like(x, skip), skip], 1))
        return x + base


class U2Net(nn.Module):
    """The whole network. New instances have random weights; `load_u2net` loads the published ones."""

    def __init__(self) -> None:
        super().__init__()
        for name, (depth, *channels) in (_ENCODER | _DECODER).items():
            self.add_module(name, Block(depth, *channels))
        for number, width in enumerate(_SIDES, 1):
            self.add_module(f"side{number}", nn.Conv2d(width, 1, 3, padding=1))
        self.outconv = nn.Conv2d(len(_SIDES), 1, 1)

    def forward(self, x_BCHW: Tensor) -> tuple[Tensor, ...]:
        """Map normalised RGB (B, 3, H, W) to seven maps (B, 1, H, W) in (0, 1): the fused map, then the six side maps."""
        skips: list[Tensor] = []
        x = x_BCHW
        for name in _ENCODER:
            x = self.get_submodule(name)(_half(x) if skips else x)
            skips.append(x)
        found = [skips.pop()]
        for name in _DECODER:
            skip = skips.pop()
            found.append(self.get_submodule(name)(torch.cat([_like(found[-1], skip), skip], 1)))
        sides = [self.get_submodule(f"side{i}")(part) for i, part in enumerate(reversed(found), 1)]
        sides = [_like(side, sides[0]) for side in sides]
        return tuple(torch.sigmoid(part) for part in (self.outconv(torch.cat(sides, 1)), *sides))


def load_u2net() -> U2Net:
    """Load the network with the published weights from the weights folder, frozen and in evaluation mode.

    Raises:
        MissingWeights: the file is missing.
        ModelError: the file isn't a state dict of exactly this network.
    """
    return load_network(U2Net, require("u2net-human"))


def _half(x_BCHW: Tensor) -> Tensor:
    return functional.max_pool2d(x_BCHW, 2, stride=2, ceil_mode=True)


def _like(x_BCHW: Tensor, other_BCHW: Tensor) -> Tensor:
    if x_BCHW.shape[-2:] == other_BCHW.shape[-2:]:
        return x_BCHW
    return functional.interpolate(x_BCHW, size=other_BCHW.shape[-2:], mode="bilinear", align_corners=False)
