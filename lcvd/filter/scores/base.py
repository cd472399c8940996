"""Interface of a quality score: it scores a clip's image quality and names the threshold to compare the score with."""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from lcvd.config.filter import FilterThresholds, QualitySettings
from lcvd.video.clip import Clip


@runtime_checkable
class QualityScore(Protocol):
    """An entry of `lcvd.filter.scores.registry.QUALITY_SCORES`. Its module must be cheap to import."""

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher score is better."""

    @property
    def top(self) -> float:
        """Highest possible score. The lowest is 0."""

    def provenance(self, settings: QualitySettings) -> dict[str, Any]:
        """Return everything but the name that affects a score, JSON-able, such as settings and hashes of weights.

        It is called before the first clip.

        Raises:
            MissingWeights, ModelError: the weights are missing or corrupted.
            ModuleNotFoundError: a package is missing.
        """

    def score(self, clip: Clip, images: list[np.ndarray], settings: QualitySettings) -> float | None:
        """Score a clip, or return None. `images`, each (H, W, 3) uint8 RGB, are evenly spaced frames of the clip."""

    def limit(self, thresholds: FilterThresholds) -> float:
        """Return the worst score with which a clip is kept."""

    def describe(self, score: float, provenance: dict[str, Any]) -> str:
        """Return the metric's name and the score as text for the ledger."""
