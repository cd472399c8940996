"""Doing nothing: the input frames as they are. What a method gains, it gains over this."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from lcvd.relight.methods.method import Options, Shot


class Copied:
    """Yields the input."""

    def __init__(self, options: Options) -> None:
        del options

    def relight(self, shot: Shot) -> Iterator[NDArray[Any]]:
        """The shot's own frames."""
        for window in shot.windows():
            yield window.frames

    def facts(self) -> dict[str, Any]:
        """Nothing decides it."""
        return {}
