"""``records.json``: the result of every evaluation, by stage `evaluate` or by `lcvd benchmark`, in one format.

``protocol``: the protocol's file (`lcvd.evaluate.protocol.Protocol`). ``inputs``: id, fps, number of frames of each input.
``methods``, by name: title, meaning, whether it is ranked, the facts that decide its output, its ``records``
(`lcvd.evaluate.record.Record`) and the mean of each metric under each of its ``lights``; or why it was ``refused``.
``caveats``: sentences on how to read the numbers. ``run``: profile, seed and the like.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcvd.cache.atomic import write_text_whole
from lcvd.errors import FileError

VERSION = 2
"""Version 1 had ``arms`` instead of ``methods``, in two formats."""


def write_records(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Write the file; returns what `read_records` would."""
    full = {"version": VERSION, **content}
    write_text_whole(path, json.dumps(full, indent=2, allow_nan=False) + "\n")
    return full


def read_records(path: Path) -> dict[str, Any]:
    """The content of a records.json.

    Raises:
        FileError: it isn't one, or was written by another version of this project.
    """
    try:
        full: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = full.get("version", 1 if "arms" in full else None)
    except (ValueError, AttributeError) as error:
        raise FileError(f"{path}: not an evaluation's records.json ({error})") from None
    if version != VERSION:
        found = "not an evaluation's records.json" if version is None else f"format {version}, expected {VERSION}"
        raise FileError(f"{path}: {found}; evaluate again, or use the version of this project that wrote it")
    return full


def values_of(full: Mapping[str, Any], method: str) -> dict[str, float | None]:
    """A method's value by metric; empty for a method that wasn't evaluated."""
    return {each["name"]: each["value"] for each in full["methods"].get(method, {}).get("records", ())}
