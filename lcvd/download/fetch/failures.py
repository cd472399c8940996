"""Cache of download failures: an address fails once per run, and dead addresses are not requested again."""

import json
from dataclasses import dataclass
from pathlib import Path

from lcvd.cache.atomic import write_text_whole
from lcvd.ledger.rows import ClipError

PERMANENT = ("dead", "too_large", "private_address", "bad_address")
"""Reasons that a retry cannot change. All others are retried by the next run."""


@dataclass(frozen=True)
class FailureCache:
    """Failures, one file per address below `folder`. Transient failures are valid only within the run `run`."""

    folder: Path
    run: str

    def find(self, key: str) -> ClipError | None:
        """The recorded failure of `key`, if it is still valid."""
        try:
            found = json.loads(self._path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # no failure recorded, or an incomplete file: try again
            return None
        is_current = found["reason"] in PERMANENT or found["run"] == self.run
        return ClipError(found["reason"], found["detail"]) if is_current else None

    def record(self, key: str, error: ClipError) -> None:
        """Record a failure."""
        text = json.dumps({"reason": error.reason, "detail": error.detail, "run": self.run})
        write_text_whole(self._path(key), text)

    def clear(self) -> int:
        """Delete all failures, so that the next run retries them; returns their number."""
        paths = list(self.folder.glob("??/*.json"))
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
