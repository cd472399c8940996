"""A CUDA build of torchvision beside a CPU torch can't load its compiled operators, and then doesn't import at all."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

_libraries: list[torch.library.Library] = []  # a library's schemas live as long as it


def allow_torchvision() -> None:
    """Register the two missing operator schemas where (and only where) torchvision's own can't be loaded.

    Enough for transforms and models; calling ``nms`` itself still fails, by name. Call it before importing torchvision.
    """
    if _libraries or hasattr(torch.ops.torchvision, "nms"):
        return
    spec = importlib.util.find_spec("torchvision")
    compiled = next(Path(spec.origin).parent.glob("_C*.so"), None) if spec and spec.origin else None
    if compiled is None:
        return
    try:
        torch.ops.load_library(str(compiled))
    except OSError:  # its CUDA libraries aren't here
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _libraries.append(library)
