"""Lighting-Controllable Video Diffusion. ``lcvd.relight(portrait, driving, light)`` makes a video; nothing heavy is
imported before it is called."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lcvd.relight.call import relight as relight

__all__ = ["relight"]


def __getattr__(name: str) -> Any:
    if name == "relight":
        return importlib.import_module("lcvd.relight")
    raise AttributeError(f"module 'lcvd' has no attribute {name!r}")
