"""No quality score: every clip passes."""

from typing import Any

import numpy as np

from lcvd.config.filter import FilterThresholds, QualitySettings
from lcvd.video.clip import Clip


class NoScore:
    """See `QualityScore`."""

    higher_is_better = True
    top = 1

    def provenance(self, settings: QualitySettings) -> dict[str, Any]:
        """Return an empty dictionary."""
        return {}

    def score(self, clip: Clip, images: list[np.ndarray], settings: QualitySettings) -> None:
        """Return None."""

    def limit(self, thresholds: FilterThresholds) -> float:
        """Return 0."""
        return 0.0

    def describe(self, score: float, provenance: dict[str, Any]) -> str:
        """Never called, because there is no score."""
        return ""
