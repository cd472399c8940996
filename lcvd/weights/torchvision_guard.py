"""Make a CUDA build of torchvision importable with a CPU build of torch, which can't load its compiled operators."""

import importlib.util
from pathlib import Path

import torch

_libraries: list[torch.library.Library] = []  # keeps the registered schemas alive


def allow_torchvision() -> None:
    """Register the two missing operator schemas if, and only if, torchvision's own can't be loaded.

    Call this before importing torchvision. It suffices for transforms and models; calling ``nms`` itself still fails.
    """
    if _libraries or hasattr(torch.ops.torchvision, "nms"):
        return
    spec = importlib.util.find_spec("torchvision")
    compiled = next(Path(spec.origin).parent.glob("_C*.so"), None) if spec and spec.origin else None
    if compiled is None:
        return
    try:
        torch.ops.load_library(str(compiled))
    except OSError:  # the CUDA libraries are missing
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _libraries.append(library)
