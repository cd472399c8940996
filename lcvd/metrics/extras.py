"""Packages that only the published metrics need. They are imported when such a metric is asked for."""

import importlib
import urllib.request
from collections.abc import Callable, Iterator
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
    """Import a module of the extra ``lcvd[metrics]``, with any build of torchvision.

    Args:
        module: its import name.
        metric: the metric that needs it, for the error.

    Raises:
        MissingPackage: it can't be imported; the message names the metric, the extra and the reason.
    """
    allow_torchvision()
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackage(
            f"{metric} needs {module}: install the extra (pip install 'lcvd[metrics]'), or don't ask for {metric} ({error})"
        ) from None


class _Refusal(urllib.request.BaseHandler):
    """Opens no address: it names the file that is missing."""

    def __init__(self, metric: str, folder: Callable[[str], str]) -> None:
        self._metric, self._folder = metric, folder

    def http_open(self, request: urllib.request.Request) -> NoReturn:
        address = urlparse(request.full_url)
        folder = Path(torch.hub.get_dir()) / self._folder(address.path)
        raise MissingWeights(
            f"{self._metric}: {folder / PurePosixPath(address.path).name} isn't there; get it from {request.full_url} "
            "(for its licence see its package's documentation) and put it there, or name another folder in TORCH_HOME"
        )

    https_open = http_open


@contextmanager
def no_download(metric: str, folder: Callable[[str], str]) -> Iterator[None]:
    """A context in which packages can't download missing files. pyiqa, its CLIP and face-alignment use urllib's opener.

    Args:
        metric: the metric that needs the file, for the error.
        folder: from the path in a file's address to the folder, below torch's hub, in which the package looks for it.

    Raises:
        MissingWeights: the package asked for a file.
    """
    opener = urllib.request.OpenerDirector()
    opener.add_handler(_Refusal(metric, folder))
    urllib.request.install_opener(opener)
    try:
        yield
    finally:
        urllib.request.install_opener(None)  # type: ignore[arg-type]  # its initial value
