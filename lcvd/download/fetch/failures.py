"""What became of addresses that couldn't be fetched: an address fails once a run, and a dead one isn't asked again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from lcvd.ledger.rows import ClipError

FINAL = ("dead", "too_large", "private_address", "bad_address")
"""Reasons that another try won't change. Everything else is tried again by the next run."""


@dataclass(frozen=True)
class Verdicts:
    """Failures below `folder`, a file an address. `run` names the run that remembers failures that may pass."""

    folder: Path
    run: str

    def find(self, key: str) -> ClipError | None:
        """The failure of `key` that still holds."""
        try:
            found = json.loads(self._path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # none, or torn by a death: it is tried once more
            return None
        holds = found["reason"] in FINAL or found["run"] == self.run
        return ClipError(found["reason"], found["detail"]) if holds else None

    def note(self, key: str, error: ClipError) -> None:
        """Remember a failure."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_text(
            json.dumps({"reason": error.reason, "detail": error.detail, "run": self.run}), encoding="utf-8"
        )
        aside.replace(path)

    def forget(self) -> int:
        """Forget every failure, so that the next run asks again; returns how many there were."""
        paths = list(self.folder.glob("??/*.json"))
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
