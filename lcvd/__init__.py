"""Lighting-Controllable Video Diffusion. ``lcvd.relight(portrait, driving, light)`` returns a relit video.

Importing ``lcvd`` imports neither torch nor NumPy; the first use of ``lcvd.relight`` does.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lcvd.relighting.api import relight as relight

__all__ = ["relight"]


def __getattr__(name: str) -> Any:
    if name == "relight":
        from lcvd.relighting.api import relight

        return relight
    raise AttributeError(f"module 'lcvd' has no attribute {name!r}")
