"""Which flow run a stage was last brought up to date by, on this machine: one JSON line a run, in the scratch folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lcvd.cache.atomic import write_text_whole
from tasks.runtime.environment import scratch

KEPT = 500
"""Lines that are kept."""


def remember(stage: str, id: str, state: str) -> None:
    """Note that the flow run `id` of `stage` ended in `state`."""
    path = scratch() / "runs.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {"stage": stage, "id": id, "state": state, "ended": datetime.now(UTC).isoformat(timespec="seconds")}
    with path.open("a", encoding="utf-8") as stream:  # a line is written at once, so runs don't mix theirs
        stream.write(json.dumps(line) + "\n")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if len(lines) > 2 * KEPT:
        write_text_whole(path, "".join(lines[-KEPT:]))


def last_run(root: Path, stage: str) -> dict[str, Any] | None:
    """The last run of a stage of the project in `root`; None: none is known here."""
    folder = scratch() if root.resolve() == Path.cwd() else root / ".lcvd"
    return next((run for run in _newest_first(folder / "runs.jsonl") if run["stage"] == stage), None)


def _newest_first(path: Path) -> Iterator[dict[str, Any]]:
    for line in reversed(path.read_text(encoding="utf-8").splitlines() if path.is_file() else []):
        try:
            yield json.loads(line)
        except ValueError:
            continue  # torn when a machine went down
