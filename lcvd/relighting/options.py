"""How a scene is sampled, and how whoever waits is told; nothing here needs torch, so a preview starts at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[str, int, int], None]
"""Told what is being done (``reading``, ``sampling``, ``writing``), how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Sampling:
    """Arguments of `LCVDPipeline` of these names, and which `adapters` are used (`lcvd.model.call_arguments.conditions_of`).

    Raises:
        ValueError: a number out of range; it is named.
    """

    guidance: float = 4.5
    seed: int = 0
    recipe: str = "default"
    steps: int | None = None
    adapters: str = "shading+reference"
    likeness: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name in ("guidance", "likeness"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name}: expected 0 or more, got {getattr(self, name):g}")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps: expected 1 or more, got {self.steps}")
