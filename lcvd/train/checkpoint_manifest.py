"""Manifest of a checkpoint: size and hash of every file, to detect damaged files."""

from __future__ import annotations

import json
from pathlib import Path

from lcvd.cache.store import file_hash
from lcvd.errors import LcvdError

NAME = "manifest.json"


class CheckpointError(LcvdError, RuntimeError):
    """A checkpoint can't be used for this run. The message names the reason and the remedy."""


def write_manifest(folder: Path) -> None:
    """Write the manifest of all files below `folder`. Call it after all other files are written."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    rows = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": file_hash(path)} for path in files
    }
    (folder / NAME).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def check(folder: Path) -> None:
    """Check that a checkpoint's files are unchanged since it was written.

    Raises:
        CheckpointError: a file is missing or has another size or hash. The message names it.
    """
    try:
        rows = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder / NAME}: {error}") from None
    for name, row in rows.items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{path}: missing")
        if path.stat().st_size != row["bytes"]:
            raise CheckpointError(f"{path}: {path.stat().st_size} bytes instead of {row['bytes']}")
    for name, row in rows.items():
        if file_hash(folder / name) != row["sha256"]:
            raise CheckpointError(f"{folder / name}: its bytes aren't those that were written")
