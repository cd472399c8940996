"""Packages that only published metrics need: imported when one is asked for, named where one is missing."""

from __future__ import annotations

import importlib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import NoReturn
from urllib.parse import urlparse

import torch

from lcvd.errors import MissingPackage
from lcvd.weights.registry import MissingWeights
from lcvd.weights.torchvision_guard import allow_torchvision


def package(module: str, metric: str) -> ModuleType:
    """The module of a package of the extra ``lcvd[metrics]``, imported beside whatever torchvision is there.

    Args:
        module: its import name.
        metric: what needs it, for the error.

    Raises:
        ImportError: it can't be imported; names the metric, the extra and the reason.
    """
    allow_torchvision()
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackage(
            f"{metric} needs {module}: install the extra (pip install 'lcvd[metrics]'), or don't ask for it ({error})"
        ) from None


class _Refusal(urllib.request.BaseHandler):
    """Opens nothing: says which file should have been there."""

    def __init__(self, metric: str) -> None:
        self._metric = metric

    def http_open(self, request: urllib.request.Request) -> NoReturn:
        address = urlparse(request.full_url)
        hub = Path(torch.hub.get_dir())
        folder = hub / ("clip" if "/clip/" in address.path else "pyiqa")
        if self._metric == "POSE":
            folder = hub / "checkpoints"
        raise MissingWeights(
            f"{self._metric}: {folder / PurePosixPath(address.path).name} isn't there; get it from {request.full_url} "
            "(for its licence see its package's documentation) and put it there, or name another folder in TORCH_HOME"
        )

    https_open = http_open


@contextmanager
def no_download(metric: str) -> Iterator[None]:
    """Within, packages find no network: pyiqa, the CLIP it brings and face-alignment all fetch missing files through
    urllib's one opener."""
    opener = urllib.request.OpenerDirector()
    opener.add_handler(_Refusal(metric))
    urllib.request.install_opener(opener)
    try:
        yield
    finally:
        urllib.request.install_opener(None)  # type: ignore[arg-type]  # what it is before anybody installs one
