"""The loss curve, written by DVCLive; the same run gives the same bytes, resumed or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dvclive import Live


class Curve:
    """Points of the loss curve. DVCLive's folder is written anew from the points of a checkpoint when a run resumes,
    so points that were logged after it don't appear twice.

    Args:
        points: what was logged up to the checkpoint: dicts of a `step` and named numbers.
    """

    def __init__(self, folder: Path, points: list[dict[str, Any]]) -> None:
        self.points: list[dict[str, Any]] = []
        self._live = Live(str(folder), resume=False, report=None, save_dvc_exp=False, dvcyaml=None)
        for point in points:
            self.add(**point)

    def add(self, step: int, **values: float) -> None:
        """Log numbers of optimiser step `step`."""
        self.points.append({"step": step, **values})
        self._live.step = step
        for name, value in values.items():
            self._live.log_metric(f"train/{name}", value, timestamp=False)
        self._live.make_summary()

    def end(self) -> None:
        """Finish DVCLive's files."""
        self._live.end()
