"""What a quality score provides: a number for a clip's image quality, and the threshold that it is compared with."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

from lcvd.config.filter import FilterThresholds, QualitySettings
from lcvd.video.clip import Clip


@runtime_checkable
class QualityScore(Protocol):
    """An entry of `lcvd.filter.scores.registry.QUALITY_SCORES`; cheap to import."""

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher score is a better one."""

    @property
    def top(self) -> float:
        """Largest possible score; the smallest is 0."""

    def protocol(self, settings: QualitySettings) -> dict[str, Any]:
        """All beside its name that decides a score, such as settings and hashes of weights; JSON-able. Called before any
        clip.

        Raises:
            MissingWeights, ModelError: the weights are missing or corrupted.
            ModuleNotFoundError: a package is missing.
        """

    def score(self, clip: Clip, images: list[np.ndarray], settings: QualitySettings) -> float | None:
        """Score of a clip, of which `images`, (H, W, 3) uint8 RGB, are a few evenly spaced frames; None: not scored."""

    def limit(self, thresholds: FilterThresholds) -> float:
        """The worst admitted score."""

    def describe(self, score: float, protocol: dict[str, Any]) -> str:
        """A score in words, for the ledger: the measure's name and the number."""
