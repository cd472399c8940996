"""Any folder of clips as a manifest: relative names and hashes only, so that its path enters no artifact."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lcvd.cache.store import file_hash


@dataclass(frozen=True)
class Entry:
    """A file of the folder: clip id, name relative to the folder, hash of its bytes."""

    id: str
    name: str
    sha256: str


def scan_folder(folder: Path, taken: Collection[str] = ()) -> list[Entry]:
    """All files below `folder` but hidden ones, by name. What isn't a video becomes a failed row later, by name.

    An id is made of the name; one that is in `taken`, the ids of other manifests, or was given before gets a number.

    Raises:
        NotADirectoryError: `folder` isn't one.
        FileNotFoundError: it holds no file.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: no such folder; name one that holds clips")
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not _hidden(p.relative_to(folder)))
    if not paths:
        raise FileNotFoundError(f"{folder}: no file in it; name a folder that holds clips")
    used = set(taken)
    entries = []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name.rsplit(".", 1)[0]).strip("-")[:100] or "clip"
        id, number = stem, 2
        while id in used:
            id, number = f"{stem}-{number}", number + 1
        used.add(id)
        entries.append(Entry(id, name, file_hash(path)))
    return entries


def rows_of(entries: Sequence[Entry], identities: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Manifest rows of ``local:`` addresses; `identities` maps ids to the people in them (default: the id)."""
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
