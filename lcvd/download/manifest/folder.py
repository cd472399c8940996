"""Manifest of an arbitrary folder of clips. It stores relative names and hashes, so the folder's path enters no
artifact."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lcvd.cache.store import file_hash
from lcvd.errors import MissingFile, UsageError


@dataclass(frozen=True)
class ClipFile:
    """A file of the folder: clip id, name relative to the folder, SHA-256 of its bytes."""

    id: str
    name: str
    sha256: str


def scan_folder(folder: Path, taken: Collection[str] = ()) -> list[ClipFile]:
    """All files below `folder`, sorted by name, without hidden ones. A file that is not a video becomes a failed row in
    the download stage.

    The id is derived from the name. A number is appended if the id was already used or is in `taken` (ids of other
    manifests).

    Raises:
        NotADirectoryError: `folder` is not a folder.
        MissingFile: it contains no file.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; choose one that contains clips")
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not _hidden(p.relative_to(folder)))
    if not paths:
        raise MissingFile(f"{folder}: empty folder; choose one that contains clips")
    used = set(taken)
    entries = []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name.rsplit(".", 1)[0]).strip("-")[:100] or "clip"
        id, number = stem, 2
        while id in used:
            id, number = f"{stem}-{number}", number + 1
        used.add(id)
        entries.append(ClipFile(id, name, file_hash(path)))
    return entries


def manifest_rows(entries: Sequence[ClipFile], identities: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Manifest rows with ``local:`` addresses. `identities` maps ids to the identity of the person (default: the id)."""
    for entry in entries:
        yield {
            "id": entry.id,
            "identity": identities.get(entry.id, entry.id),
            "address": f"local:{quote(entry.name)}?sha256={entry.sha256}",
            "licence": "the user's own",
            "dataset": "local",
        }


def _hidden(relative: Path) -> bool:
    return any(part.startswith(".") for part in relative.parts)
