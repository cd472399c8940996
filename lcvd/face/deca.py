"""DECA's encoder E_flame: a face crop to the 236 numbers of FLAME, camera and light (spec E1).

ResNet-50 with its stride in the 3 x 3 convolution and no classifier, then two linear layers. Parameters bear the
published file's names. Shape suffixes: B crops, H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lcvd.weights.strict import load_network

SPLIT = {"shape": 100, "tex": 50, "exp": 50, "pose": 6, "cam": 3, "light": 27}
"""Numbers in each part of the output, in order."""
FEATURES, HIDDEN = 2048, 1024
CPU_BATCH = 4
"""Crops encoded at once on a CPU: 116 ms a crop, against 141 alone and 169 sixteen at once."""
_STAGES = ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2))
"""Blocks, inner channels and stride of each stage."""
_WIDEN = 4


@dataclass(frozen=True)
class DecaCodes:
    """What E_flame says of B crops: shape (B, 100), texture (B, 50), expression (B, 50), pose (B, 6) as axis-angle of
    the head and of the jaw in radians, camera (B, 3) = (s, t_x, t_y) in NDC of the crop, light (B, 9, 3)."""

    shape: Tensor
    texture: Tensor
    expression: Tensor
    pose: Tensor
    camera: Tensor
    light: Tensor

    @staticmethod
    def split(parameters: Tensor) -> DecaCodes:
        """The parts of parameters (B, 236)."""
        shape, texture, expression, pose, camera, light = parameters.split(list(SPLIT.values()), dim=-1)
        return DecaCodes(shape, texture, expression, pose, camera, light.unflatten(-1, (9, 3)))


class DecaEncoder(nn.Module):
    """E_flame: crops (B,3,224,224) RGB in [0, 1], no mean taken off, to parameters (B, 236)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet50()
        self.layers = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, sum(SPLIT.values())))

    def forward(self, crops_B3HW: Tensor) -> Tensor:
        """Parameters (B, 236); `DecaCodes.split` names them."""
        parameters: Tensor = self.layers(self.encoder(crops_B3HW))
        return parameters


class ResNet50(nn.Module):
    """Pictures (B,3,224,224) to features (B, 2048)."""

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
        """Features, averaged over the last 7 x 7 places."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(1, len(_STAGES) + 1):
            x = getattr(self, f"layer{number}")(x)
        return x.mean(dim=(2, 3))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1 convolutions beside a shortcut; `inner` channels within, four times as many after."""

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
        """Shortcut plus what the convolutions add."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        out: Tensor = self.relu(self.bn3(self.conv3(x)) + shortcut)
        return out


def load_encoder(path: Path, device: torch.device | str = "cpu") -> DecaEncoder:
    """E_flame of the published ``deca_model.tar``, frozen, in evaluation mode.

    Raises:
        ModelError: the file isn't a checkpoint with a part ``E_flame``, or its keys or shapes differ (they are listed).
    """
    encoder = load_network(DecaEncoder, path, "E_flame").to(device)
    return encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@torch.inference_mode()
def encode(encoder: DecaEncoder, crops_B3HW: Tensor) -> Tensor:
    """Parameters (B, 236) of a window's crops: all at once on an accelerator, on a CPU as many as fit its caches."""
    crops = crops_B3HW.contiguous(memory_format=torch.channels_last)
    return torch.cat([encoder(part) for part in crops.split(CPU_BATCH if crops.device.type == "cpu" else len(crops))])
