"""All of ``params.yaml``: one pydantic model per section, each in the module of the same name.

Every model rejects unknown keys and out-of-range values on construction. A stage's section holds the fields that affect
its output. ``runner`` only affects where the work runs, so no stage depends on it.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from lcvd.config.download import DownloadSettings
from lcvd.config.evaluate import EvaluateSettings
from lcvd.config.filter import FilterSettings
from lcvd.config.reconstruct import ReconstructSettings
from lcvd.config.runner import RunnerSettings
from lcvd.config.section import Section
from lcvd.config.shard import ShardSettings
from lcvd.config.train import TrainSettings


class Settings(Section):
    """All of ``params.yaml``."""

    profile: str
    """Name of the profile from which these settings were written (a label only)."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Seed of all random number generators."""
    runner: RunnerSettings
    download: DownloadSettings
    filter: FilterSettings
    reconstruct: ReconstructSettings
    shard: ShardSettings
    train: TrainSettings
    evaluate: EvaluateSettings

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        if 0 < self.filter.track.max_frames < self.filter.thresholds.min_frames:
            raise ValueError(
                f"filter.track.max_frames ({self.filter.track.max_frames}) is below filter.thresholds.min_frames "
                f"({self.filter.thresholds.min_frames}): no clip could be kept; raise max_frames or lower min_frames"
            )
        if self.train.prepared and not self.shard.prepare:
            raise ValueError("train.prepared is true, but shard.prepare is false: set both to the same value")
        return self
