"""Guidance: how strongly a sampled video follows the target light and the portrait (spec D)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lcvd.errors import UsageError

NEGATIVE, POSITIVE, NO_REFERENCE = range(3)
"""The sets of conditions under which the network is evaluated, see `Guidance`."""
Scale = float | Sequence[float] | Tensor


@dataclass(frozen=True)
class Guidance:
    """Weights of the network's predictions under three sets of conditions.

    The guided prediction is ``y1 + scale * (y2 - y1) + (likeness - 1) * (y2 - y3)``, where y1 is predicted under `negative`,
    y2 under `positive`, and y3 under `positive` without the reference.

    Raises:
        UsageError: a weight is negative or not finite; the error names it.
    """

    scale: Scale
    """Strength of the shading: one number, (first, last) for a linear ramp over the video, or one number per hint."""
    likeness: float = 1.0
    """Strength of the reference. 1 is the network's own prediction, as published. It has no effect unless `positive` contains
    the reference. Other values cost a third evaluation, at the noise levels that the recipe names."""
    positive: Collection[str] = ("shading", "reference")
    """Names of the conditions of y2."""
    negative: Collection[str] = ("reference",)
    """Names of the conditions of y1."""
    clip_in_negative: bool = False
    """Whether y1 sees the image token. The published system leaves it out."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        scale = torch.as_tensor(self.scale, dtype=torch.float32)
        if not (scale.isfinite().all() and (scale >= 0).all()):
            raise UsageError(f"guidance: expected finite numbers of at least 0, got {self.scale}")
        if not 0 <= self.likeness < float("inf"):
            raise UsageError(f"likeness: expected a finite number of at least 0, got {self.likeness}")

    @classmethod
    def of_adapters(cls, adapters: str, scale: Scale, likeness: float = 1.0) -> Guidance:
        """Guidance that uses only some adapters, as in the paper's Table 4.

        Args:
            adapters: ``shading+reference`` (F_s + F_r, the full method), ``reference`` (F_r) or ``shading`` (F_s).
            scale: see `Guidance.scale`; y1 is always predicted without the shading.
            likeness: see `Guidance.likeness`.
        """
        names = tuple(adapters.split("+"))
        return cls(scale, likeness, names, tuple(name for name in names if name != "shading"))

    def condition_sets(self) -> tuple[set[str], set[str], set[str]]:
        """Names of the conditions of each set, indexed by `NEGATIVE`, `POSITIVE` and `NO_REFERENCE`."""
        return set(self.negative), set(self.positive), set(self.positive) - {"reference"}

    def check_adapters(self, known: Collection[str]) -> None:
        """Check that the model has an adapter for each condition; `known` are the names of its adapters.

        Raises:
            UsageError: it lacks one.
        """
        for name in ("positive", "negative"):
            given = getattr(self, name)
            if isinstance(given, str) or set(given) - set(known):
                raise UsageError(f"{name}: expected some of {list(known)}, got {given!r}")

    def scale_of(self, frames: int) -> Tensor:
        """The scale of a video of `frames` frames, the reference included: one number () or one per frame (frames,).

        Raises:
            UsageError: `scale` has another length; the error names it.
        """
        values = torch.as_tensor(self.scale, dtype=torch.float32)
        if values.ndim == 0:
            return values
        if len(values) == 2:
            return torch.linspace(float(values[0]), float(values[1]), frames)
        if values.shape != (frames - 1,):
            raise UsageError(
                f"guidance: expected one number, two, or {frames - 1} (one per hint), got {tuple(values.shape)}"
            )
        return torch.cat([values[:1], values])

    @property
    def reference_weight(self) -> float:
        """The factor of ``y2 - y3``."""
        return self.likeness - 1 if "reference" in self.positive else 0.0
