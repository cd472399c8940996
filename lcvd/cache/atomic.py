"""Write a file whole or not at all."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def written_whole(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to `path` on success, removed on an error.

    Readers see the old file or the new one, never a part, whatever kills this process; several processes may write the
    same file. The temporary name is hidden and ends in ``.part``, so no search for a file's suffix finds it: name the
    format to a library that would read it from the suffix. Parent folders are created.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:40]}-{uuid.uuid4().hex[:12]}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text_whole(path: Path | str, text: str) -> None:
    """`written_whole` for UTF-8 text."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
