"""The scratch cache: results by a key of their inputs, stored outside all DVC outputs.

An entry is a folder ``<root>/<kind>/<key[:2]>/<key>`` with a manifest of its files' hashes. It is filled under a temporary
name and then renamed. An incomplete or altered entry is logged and computed again.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcvd.ledger.tally import count_made, timed

MANIFEST = "SHA256SUMS.json"
log = logging.getLogger(__name__)


def key_of(**parts: Any) -> str:
    """SHA-256 of `parts` (hashes of files, settings, weights, `code_key`), independent of their order; JSON must represent them."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=_plain).encode()).hexdigest()


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal hash of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


@dataclass(frozen=True)
class Cache:
    """The scratch cache below `root` (usually ``.lcvd/cache``)."""

    root: Path

    @property
    def journal(self) -> Path:
        """The untracked log of tracebacks next to the cache."""
        return self.root.parent / "logs" / "clips.log"

    def entry(self, kind: str, key: str, make: Callable[[Path], None]) -> Path:
        """Folder of the entry. If it is missing or incomplete, `make` fills an empty folder, which becomes the entry."""
        folder = self.root / kind / key[:2] / key
        if folder.exists():
            with timed("cache"):
                intact = _is_intact(folder)
            if intact:
                return folder
            log.warning("cache entry %s is incomplete or altered; computing it again", folder)
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{key[:8]}-", dir=folder.parent))
        try:
            make(temporary)
            count_made()
            with timed("cache"):
                (temporary / MANIFEST).write_text(json.dumps(_hashes(temporary), sort_keys=True), encoding="utf-8")
            try:
                temporary.rename(folder)
            except OSError:
                if not folder.exists():  # else another worker finished first, with the same bytes
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return folder


def link_or_copy(source: Path, target: Path) -> None:
    """Place an immutable cache file at `target`: as a hard link where the file system supports it, else as a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _hashes(folder: Path) -> dict[str, str]:
    """The content of `MANIFEST`: SHA-256 of each other file by relative path."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST]
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in paths}


def _is_intact(folder: Path) -> bool:
    try:
        hashes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(hashes == _hashes(folder))


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} can't be part of a cache key")
