"""The loss curve, written by DVCLive. An interrupted and resumed run gives the same bytes as an uninterrupted one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dvclive import Live


class Curve:
    """Points of the loss curve.

    When a run resumes, DVCLive's folder is rewritten from the checkpoint's points, so that later points aren't duplicated.

    Args:
        points: the points up to the checkpoint: dictionaries with a `step` and named numbers.
    """

    def __init__(self, folder: Path, points: list[dict[str, Any]]) -> None:
        self.points: list[dict[str, Any]] = []
        self._live = Live(str(folder), resume=False, report=None, save_dvc_exp=False, dvcyaml=None)
        for point in points:
            self.add(**point)

    def add(self, step: int, **values: float) -> None:
        """Log the values of optimiser step `step`."""
        self.points.append({"step": step, **values})
        self._live.step = step
        for name, value in values.items():
            self._live.log_metric(f"train/{name}", value, timestamp=False)
        self._live.make_summary()

    def end(self) -> None:
        """Close DVCLive's files."""
        self._live.end()
