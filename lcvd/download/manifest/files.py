"""Source manifests: ``data/sources/*.csv``, one row a clip; every mistake is named with file, line and column."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lcvd.download.manifest.row import COLUMNS, Source, read_row
from lcvd.errors import FileError

_SHOWN = 50


class ManifestError(FileError):
    """Manifests or annotations can't be used; the message lists the mistakes."""


def listed(head: str, mistakes: Sequence[str]) -> ManifestError:
    """An error that lists `mistakes`, a line each; of a great many, the first and how many more there are."""
    more = [f"  and {len(mistakes) - _SHOWN} more"] if len(mistakes) > _SHOWN else []
    return ManifestError("\n".join([head, *(f"  {mistake}" for mistake in mistakes[:_SHOWN]), *more]))


def read_manifests(folder: Path, skip: str | None = None) -> list[Source]:
    """All rows of all ``*.csv`` in `folder` but the file named `skip`, in order of id.

    Raises:
        ManifestError: lists file, line, column, found and expected of every mistake, over all files.
    """
    sources: dict[str, Source] = {}
    places: dict[str, tuple[str, int]] = {}
    mistakes: list[str] = []
    for path in sorted(path for path in folder.glob("*.csv") if path.name != skip):
        records, wrong = _records(path)
        mistakes += wrong
        for line, record in records:
            found = read_row(record, folder)
            if isinstance(found, Source) and found.id in sources:
                file, other = places[found.id]
                found = [f"column id: {found.id!r} stands already in {file}, line {other}; rename one of them"]
            if isinstance(found, Source):
                places[found.id] = path.name, line
                sources[found.id] = found
            else:
                mistakes += [f"{path.name}, line {line}, {problem}" for problem in found]
    if mistakes:
        raise listed(f"{folder}: mistakes in the source manifests:", mistakes)
    if not sources and skip is None:
        raise ManifestError(f"{folder}: no rows in any *.csv; write one with the columns {','.join(COLUMNS)}")
    return [sources[id] for id in sorted(sources)]


def write_manifest(path: Path, records: Iterable[Mapping[str, str]]) -> int:
    """Write `records` (columns that one lacks stay empty) in order of id; returns their number.

    Raises:
        ManifestError: a row that `read_manifests` wouldn't take; nothing is written.
    """
    rows = sorted(({name: record.get(name, "") for name in COLUMNS} for record in records), key=lambda row: row["id"])
    mistakes = []
    for before, row in zip([None, *rows], rows, strict=False):
        found = read_row(row, path.parent)
        mistakes += [f"{row['id']}, {problem}" for problem in found] if isinstance(found, list) else []
        if before and before["id"] == row["id"]:
            mistakes.append(f"{row['id']} stands twice; ids must be unique")
    if mistakes:
        raise listed(f"{path}: not written, as its rows have mistakes:", mistakes)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    with aside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    aside.replace(path)
    return len(rows)


def _records(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Rows of one file with their line numbers, and what is wrong with the file as a whole."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            wrong = _columns(reader.fieldnames or [])
            if wrong:
                return [], [f"{path.name}, line 1: {wrong}"]
            return [(reader.line_num, record) for record in reader], []
    except UnicodeDecodeError as error:
        return [], [f"{path.name}: not UTF-8 at byte {error.start}; save it as UTF-8"]
    except csv.Error as error:
        return [], [f"{path.name}: not a comma-separated table ({error})"]


def _columns(found: Sequence[str]) -> str:
    unknown = [name for name in found if name not in COLUMNS]
    missing = [name for name in COLUMNS if name not in found]
    twice = sorted({name for name in found if found.count(name) > 1})
    named = (("unknown", unknown), ("missing", missing), ("repeated", twice))
    told = "; ".join(f"{kind} column {', '.join(map(repr, names))}" for kind, names in named if names)
    return f"{told}; expected {','.join(COLUMNS)}" if told else ""
