"""A CUDA build of torchvision beside a CPU torch can't load its compiled operators, and then doesn't import at all."""

from __future__ import annotations

import importlib.metadata

import torch

_libraries: list[torch.library.Library] = []  # a library's schemas live as long as it


def allow_torchvision() -> None:
    """Register the two missing operator schemas where (and only where) that mismatch is found.

    Enough for transforms and models; calling ``nms`` itself still fails, by name.
    """
    if torch.version.cuda is not None or _libraries or hasattr(torch.ops.torchvision, "nms"):
        return
    try:
        version = importlib.metadata.version("torchvision")
    except importlib.metadata.PackageNotFoundError:
        return
    if "+cpu" in version:
        return
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)
