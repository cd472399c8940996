"""No quality score: every clip passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from lcvd.config.filter import FilterThresholds, QualitySettings
from lcvd.video.clip import Clip


class NoScore:
    """See `QualityScore`."""

    higher_is_better = True
    top = 1

    def protocol(self, settings: QualitySettings) -> dict[str, Any]:
        """Nothing."""
        return {}

    def score(self, clip: Clip, images: list[np.ndarray], settings: QualitySettings) -> None:
        """None."""

    def limit(self, thresholds: FilterThresholds) -> float:
        """0."""
        return 0.0

    def describe(self, score: float, protocol: dict[str, Any]) -> str:
        """Never needed: there is no score."""
        return ""
