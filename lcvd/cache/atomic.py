"""Write files so that an interrupted process never leaves a partial one."""

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def written_whole(path: Path | str) -> Iterator[Path]:
    """A temporary path next to `path`; renamed to `path` on success, removed on an error.

    Readers see either the old file or the complete new one, even if this process is killed. Several processes may write
    the same file. The temporary name is hidden and ends in ``.part``, so no search for a file suffix finds it. Libraries
    that derive the format from the suffix need the format as an argument. Parent folders are created.
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


def append_json_line(path: Path, row: Mapping[str, Any], limit: int) -> None:
    """Append `row` as one JSON line, in a single write, so that lines of several processes don't mix.

    When the file exceeds 2 * `limit` lines, only the last `limit` are kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if len(lines) > 2 * limit:
        write_text_whole(path, "".join(lines[-limit:]))


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines, oldest first, without lines that a crash truncated; [] if there is no file."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        with contextlib.suppress(ValueError):
            rows.append(json.loads(line))
    return rows
