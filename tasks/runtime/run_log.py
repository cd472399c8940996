"""The last flow run of each stage on this machine: one JSON line per run, in the scratch folder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lcvd.cache.atomic import append_json_line, read_json_lines
from tasks.runtime.environment import scratch

KEPT = 500
"""Number of lines that are kept."""


def remember(stage: str, id: str, state: str) -> None:
    """Record that the flow run `id` of `stage` ended in `state`."""
    line = {"stage": stage, "id": id, "state": state, "ended": datetime.now(UTC).isoformat(timespec="seconds")}
    append_json_line(scratch() / "runs.jsonl", line, KEPT)


def last_run(root: Path, stage: str) -> dict[str, Any] | None:
    """The last recorded run of a stage of the project in `root`, or None."""
    folder = scratch() if root.resolve() == Path.cwd() else root / ".lcvd"
    return next((run for run in reversed(read_json_lines(folder / "runs.jsonl")) if run["stage"] == stage), None)
