"""Packages that only published metrics need: imported when one is asked for, named where one is missing."""

from __future__ import annotations

import importlib
from types import ModuleType

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
        raise ImportError(
            f"{metric} needs {module}: install the extra (pip install 'lcvd[metrics]'), or don't ask for it ({error})"
        ) from None
