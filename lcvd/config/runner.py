"""Settings of the runner, which executes the chunks of a stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lcvd.config.section import Section


class RunnerSettings(Section):
    """How and where the chunks of a stage are executed."""

    kind: Literal["processes", "threads", "ray", "dask"] = "processes"
    """Type of Prefect task runner. ``ray`` and ``dask`` need the extra of the same name."""
    workers: int = Field(0, ge=0)
    """Number of parallel workers; 0 means one per CPU core."""
    chunk: int = Field(1, ge=1)
    """Number of clips per chunk. Each chunk is one Prefect task run."""
    gpu_share: float | None = Field(None, ge=0, le=1)
    """Fraction of a GPU per worker, which sees only that GPU (0.5: two workers per GPU). 0: every worker sees all GPUs. null:
    the workers are spread evenly over this machine's GPUs; on a Ray or Dask cluster, and with threads, 0."""

    @model_validator(mode="after")
    def _one_process_has_no_shares(self) -> RunnerSettings:
        if self.gpu_share and self.kind == "threads":
            raise ValueError("runner.gpu_share needs workers that are processes, but runner.kind is threads")
        return self
