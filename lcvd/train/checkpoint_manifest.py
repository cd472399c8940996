"""What belongs to a checkpoint, with sizes and hashes, so that a torn one is known by the file that is torn."""

from __future__ import annotations

import json
from pathlib import Path

from lcvd.cache.store import file_hash
from lcvd.errors import LcvdError

NAME = "manifest.json"


class CheckpointError(LcvdError, RuntimeError):
    """A checkpoint can't be used for this run; says why and what to do."""


def write_manifest(folder: Path) -> None:
    """Write down every file below `folder`, which is complete."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    rows = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": file_hash(path)} for path in files
    }
    (folder / NAME).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def check(folder: Path) -> None:
    """See that a checkpoint is what it was when it was written.

    Raises:
        CheckpointError: a file is missing, has another size, or other bytes; it is named.
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
