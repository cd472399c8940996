"""Settings of the runner: where the chunks of a stage run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lcvd.config.section import Section


class RunnerSettings(Section):
    """Where the chunks of a stage run."""

    kind: Literal["processes", "threads", "ray", "dask"] = "processes"
    """Prefect task runner; ``ray`` and ``dask`` need the extra of the same name."""
    workers: int = Field(0, ge=0)
    """Parallel workers; 0 means one a core."""
    chunk: int = Field(1, ge=1)
    """Clips handed to a worker at once; one task run each chunk."""
    gpu_share: float = Field(0.0, ge=0, le=1)
    """Share of a GPU that a worker takes: 0.5 puts two on each, and each sees that one alone; 0: workers see every GPU."""

    @model_validator(mode="after")
    def _one_process_has_no_shares(self) -> RunnerSettings:
        if self.gpu_share and self.kind == "threads":
            raise ValueError("runner.gpu_share needs workers that are processes, but runner.kind is threads")
        return self
