"""DECA's encoder E_flame: maps a face crop to the 236 parameters of FLAME, camera and light (spec E1).

It is a ResNet-50 with the stride in the 3 x 3 convolution and without classifier, followed by two linear layers.
Parameters have the names of the published file. Shape suffixes: B crops, H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lcvd.weights.strict import load_network

SPLIT = {"shape": 100, "tex": 50, "exp": 50, "pose": 6, "cam": 3, "light": 27}
"""Number of values in each part of the output, in order."""
FEATURES, HIDDEN = 2048, 1024
CPU_BATCH = 4
"""Batch size on a CPU: 116 ms per crop, compared with 141 ms for batches of 1 and 169 ms for batches of 16."""
_STAGES = ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2))
"""Number of blocks, inner channels and stride of each stage."""
_WIDEN = 4


@dataclass(frozen=True)
class DecaCodes:
    """Output of E_flame for B crops.

    shape (B, 100), texture (B, 50), expression (B, 50), pose (B, 6) as axis-angle of head and jaw in radians, camera
    (B, 3) = (s, t_x, t_y) in NDC of the crop, light (B, 9, 3).
    """

    shape: Tensor
    texture: Tensor
    expression: Tensor
    pose: Tensor
    camera: Tensor
    light: Tensor

    @staticmethod
    def split(parameters: Tensor) -> DecaCodes:
        """Split parameters (B, 236) into their parts."""
        shape, texture, expression, pose, camera, light = parameters.split(list(SPLIT.values()), dim=-1)
        return DecaCodes(shape, texture, expression, pose, camera, light.unflatten(-1, (9, 3)))


class DecaEncoder(nn.Module):
    """E_flame: maps crops (B,3,224,224), RGB in [0, 1] without mean subtraction, to parameters (B, 236)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet50()
        self.layers = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, sum(SPLIT.values())))

    def forward(self, crops_B3HW: Tensor) -> Tensor:
        """Return the parameters (B, 236). `DecaCodes.split` splits them."""
        parameters: Tensor = self.layers(self.encoder(crops_B3HW))
        return parameters


class ResNet50(nn.Module):
    """Maps images (B,3,224,224) to features (B, 2048)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for number, (blocks, inner, stride) in enumerate(_STAGES, start=1):
            stage = [Bottleneck(channels, inner, stride)]
            channels = inner * _WIDEN
            stage += [Bottleneck(channels, inner) for _ in range(blocks - 1)]
            setattr(self, f"layer{number}", nn.Sequential(*stage))

    def forward(self, x: Tensor) -> Tensor:
        """Return the features, averaged over the last 7 x 7 positions."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(1, len(_STAGES) + 1):
            x = getattr(self, f"layer{number}")(x)
        return x.mean(dim=(2, 3))


class Bottleneck(nn.Module):
    """Residual block of 1 x 1, 3 x 3 and 1 x 1 convolutions with `inner` channels, and four times as many at the output."""

    def __init__(self, channels: int, inner: int, stride: int = 1) -> None:
        super().__init__()
        wide = inner * _WIDEN
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, wide, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride > 1 or channels != wide:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, wide, 1, stride=stride, bias=False), nn.BatchNorm2d(wide)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the shortcut plus the output of the convolutions."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        out: Tensor = self.relu(self.bn3(self.conv3(x)) + shortcut)
        return out


def load_encoder(path: Path, device: torch.device | str = "cpu") -> DecaEncoder:
    """Load E_flame from the published ``deca_model.tar``, frozen and in evaluation mode.

    Raises:
        ModelError: the file isn't a checkpoint with a key ``E_flame``, or keys or shapes differ. The message lists them.
    """
    encoder = load_network(DecaEncoder, path, "E_flame").to(device)
    return encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@torch.inference_mode()
def encode(encoder: DecaEncoder, crops_B3HW: Tensor) -> Tensor:
    """Encode crops to parameters (B, 236): in one batch on an accelerator, in batches of `CPU_BATCH` on a CPU."""
    crops = crops_B3HW.contiguous(memory_format=torch.channels_last)
    return torch.cat([encoder(part) for part in crops.split(CPU_BATCH if crops.device.type == "cpu" else len(crops))])
