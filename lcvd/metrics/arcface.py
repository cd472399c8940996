"""ID(ArcFace-r50), ID(ArcFace-r100), ID(buffalo_l): face identity by the networks that the published ID may use (spec G).

The paper doesn't say which network it uses, so each has a metric of its own. Two kinds of file are read: a state dict of
arcface_torch's ``iresnet``, whose parameter names are used here too, and an ONNX graph of an insightface pack. Both take
faces from `lcvd.face.embedding.align`. Shape suffixes: B faces, C channels, H W pixels.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lcvd.face.embedding import SIDE
from lcvd.metrics.base import Device
from lcvd.metrics.extras import package
from lcvd.metrics.identity import identity_metric
from lcvd.weights.registry import require
from lcvd.weights.strict import ModelError, load_strict, read_pickled

Faces = NDArray[np.uint8]
Vectors = NDArray[np.float32]
BLOCKS = {"r50": (3, 4, 14, 3), "r100": (3, 13, 30, 3)}
"""Blocks of the four stages, by variant."""
WEIGHTS = {"ID(ArcFace-r50)": "arcface-r50", "ID(ArcFace-r100)": "arcface-r100", "ID(buffalo_l)": "arcface-buffalo-l"}
"""Name in the weights registry by metric."""
DIM, BATCH = 512, 16
_WIDTHS = (64, 128, 256, 512)
_CELLS = (SIDE // 2 ** len(_WIDTHS)) ** 2


class IResNet(nn.Module):
    """Maps faces (B, 3, 112, 112) RGB in [-1, 1] to embeddings (B, 512), which aren't normalised; `variant` is r50 or r100."""

    def __init__(self, variant: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        channels = 64
        for number, (count, width) in enumerate(zip(BLOCKS[variant], _WIDTHS, strict=True), start=1):
            rest = [Block(width, width) for _ in range(count - 1)]
            setattr(self, f"layer{number}", nn.Sequential(Block(channels, width, stride=2), *rest))
            channels = width
        self.bn2 = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels * _CELLS, DIM)
        self.features = nn.BatchNorm1d(DIM)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Embeddings (B, 512)."""
        x = self.prelu(self.bn1(self.conv1(x_BCHW)))
        for number in range(1, len(_WIDTHS) + 1):
            x = getattr(self, f"layer{number}")(x)
        found: Tensor = self.features(self.fc(self.bn2(x).flatten(1)))
        return found


class Block(nn.Module):
    """Two 3 x 3 convolutions with normalisation before, between and after, plus a shortcut. There is no final activation."""

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample: nn.Module | None = None
        if stride > 1:  # the stride is 2 wherever the number of channels changes
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Shortcut plus convolutions."""
        added = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        out: Tensor = added + (x if self.downsample is None else self.downsample(x))
        return out


class ArcFace:
    """Embeds aligned faces, `BATCH` at once, with one of the networks in `WEIGHTS`.

    Args:
        name: a key of `WEIGHTS`.
        device: device of the network.

    Raises:
        MissingWeights: the network's file isn't there.
        ModelError: the file isn't that network.
        ImportError: the network is an ONNX graph, and onnxruntime isn't installed.
    """

    def __init__(self, name: str, device: Device = "cpu") -> None:
        path = require(WEIGHTS[name])
        self.name = name
        self._run = onnx_network(path, device) if path.suffix == ".onnx" else torch_network(path, device)

    def __call__(self, faces: Faces) -> Vectors:
        """Embeddings (n, D) float32 of faces (n, 112, 112, 3) uint8 RGB.

        Raises:
            ValueError: the faces have another shape or type.
            ModelError: an embedding isn't finite.
        """
        if faces.shape[1:] != (SIDE, SIDE, 3) or faces.dtype != np.uint8:
            raise ValueError(f"aligned faces are uint8 (n, {SIDE}, {SIDE}, 3), found {faces.dtype} {faces.shape}")
        parts = [self._run(signed(faces[i : i + BATCH])) for i in range(0, len(faces), BATCH)]
        vectors = np.concatenate(parts) if parts else np.zeros((0, DIM), np.float32)
        if not np.isfinite(vectors).all():
            raise ModelError(f"{self.name}: an embedding isn't finite: the weights {WEIGHTS[self.name]} are corrupted")
        return vectors


def signed(faces: Faces) -> NDArray[np.float32]:
    """(x / 255 - 0.5) / 0.5 of faces (n, H, W, 3) uint8, as (n, 3, H, W)."""
    return (faces.astype(np.float32) * np.float32(2 / 255) - np.float32(1)).transpose(0, 3, 1, 2)


def torch_network(path: Path, device: Device = "cpu") -> Callable[[NDArray[np.float32]], Vectors]:
    """An arcface_torch state dict as a function of (n, 3, 112, 112). Its keys determine the variant.

    Raises:
        ModelError: it is neither variant; the message lists the differences from the more similar one.
    """
    tensors = read_pickled(path)
    variant = "r100" if f"layer3.{BLOCKS['r50'][2]}.conv1.weight" in tensors else "r50"
    with torch.device("meta"):
        network = IResNet(variant)
    network = load_strict(network, tensors, path, torch.float32).to(device).eval().requires_grad_(False)

    @torch.inference_mode()
    def run(faces: NDArray[np.float32]) -> Vectors:
        found: Vectors = network(torch.from_numpy(np.ascontiguousarray(faces)).to(device)).float().cpu().numpy()
        return found

    return run


def onnx_network(path: Path, device: Device = "cpu") -> Callable[[NDArray[np.float32]], Vectors]:
    """An ONNX graph from (n, 3, 112, 112) to (n, D) as a function. A graph with a fixed batch size is run batch by batch.

    Raises:
        ImportError: onnxruntime isn't installed.
        ModelError: the file isn't an ONNX graph, or its input has another shape.
    """
    runtime: Any = package("onnxruntime", "ID(buffalo_l)")
    wanted = (["CUDAExecutionProvider"] if torch.device(device).type == "cuda" else []) + ["CPUExecutionProvider"]
    providers = [each for each in wanted if each in runtime.get_available_providers()]
    try:
        session = runtime.InferenceSession(str(path), providers=providers)
    except Exception as error:  # onnxruntime raises C++ exception classes, one for each kind of error
        raise ModelError(f"{path}: not an ONNX graph that onnxruntime can run: {error}") from None
    given = session.get_inputs()
    if len(given) != 1 or list(given[0].shape[1:]) != [3, SIDE, SIDE]:
        raise ModelError(f"{path}: takes {[each.shape for each in given]}, not one input of (n, 3, {SIDE}, {SIDE})")
    step = given[0].shape[0] if isinstance(given[0].shape[0], int) else BATCH

    def run(faces: NDArray[np.float32]) -> Vectors:
        parts = [session.run(None, {given[0].name: faces[i : i + step]})[0] for i in range(0, len(faces), step)]
        return np.concatenate(parts).astype(np.float32)

    return run


METRICS = tuple(
    identity_metric(
        name,
        partial(ArcFace, name),
        "Cosine similarity between the ArcFace embeddings of the output's face and of the face in the same driving frame.",
        registered=registered,
        packages=("lcvd", "torch", "onnxruntime", "opencv-python-headless"),
    )
    for name, registered in WEIGHTS.items()
)
