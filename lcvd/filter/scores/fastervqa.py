"""Faster-VQA score of a clip, from 0 (worst) to 1 (best). You must provide the weights."""

from typing import Any

import numpy as np

from lcvd.config.filter import FilterThresholds, QualitySettings
from lcvd.video.clip import Clip
from lcvd.weights.registry import weights_hash


class FasterVqaScore:
    """See `QualityScore`."""

    higher_is_better = True
    top = 1

    def provenance(self, settings: QualitySettings) -> dict[str, Any]:
        """Return the settings that affect the score and the hash of the weights. Also loads the network."""
        from lcvd.vqa.fastervqa import WEIGHTS
        from lcvd.vqa.score import open_network  # imports torch

        open_network()
        return {**settings.model_dump(include={"sampling", "seed", "draws"}), "weights": weights_hash(WEIGHTS)}

    def score(self, clip: Clip, images: list[np.ndarray], settings: QualitySettings) -> float:
        """Decode the frames of one draw and score them. Clips aren't batched, so a score never depends on other clips."""
        from lcvd.vqa.score import scores, video_of

        return scores([video_of(clip)], settings)[0]

    def limit(self, thresholds: FilterThresholds) -> float:
        """See `QualityScore`."""
        return thresholds.min_fastervqa

    def describe(self, score: float, provenance: dict[str, Any]) -> str:
        """See `QualityScore`."""
        return f"Faster-VQA {score:.3f} ({provenance['sampling']})"
