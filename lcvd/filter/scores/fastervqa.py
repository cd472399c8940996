"""Faster-VQA score of a clip: from 0 (worst) to 1 (best); the weights are yours to bring."""

from __future__ import annotations

from typing import Any

import numpy as np

from lcvd.config.filter import FilterThresholds, QualitySettings
from lcvd.video.clip import Clip
from lcvd.weights.registry import fingerprint


class FasterVqaScore:
    """See `QualityScore`."""

    higher_is_better = True
    top = 1

    def protocol(self, settings: QualitySettings) -> dict[str, Any]:
        """The settings that decide it, and the hash of the weights; loads the network."""
        from lcvd.vqa.fastervqa import WEIGHTS
        from lcvd.vqa.score import open_network  # imports torch

        open_network()
        return {**settings.model_dump(include={"sampling", "seed", "draws"}), "weights": fingerprint(WEIGHTS)}

    def score(self, clip: Clip, images: list[np.ndarray], settings: QualitySettings) -> float:
        """Decodes the frames that it needs itself; one clip at a time, so that no bit of a score depends on other clips."""
        from lcvd.vqa.score import scores, video_of

        return scores([video_of(clip)], settings)[0]

    def limit(self, thresholds: FilterThresholds) -> float:
        """See `QualityScore`."""
        return thresholds.min_fastervqa

    def describe(self, score: float, protocol: dict[str, Any]) -> str:
        """See `QualityScore`."""
        return f"Faster-VQA {score:.3f} ({protocol['sampling']})"
