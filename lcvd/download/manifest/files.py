"""Source manifests: ``data/sources/*.csv``, one row per clip. Every error is reported with file, line and column."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lcvd.cache.atomic import written_whole
from lcvd.download.manifest.row import COLUMNS, Source, parse_row
from lcvd.errors import FileError

_MAX_LISTED = 50


class ManifestError(FileError):
    """Manifests or annotations are invalid; the message lists the errors."""


def manifest_error(head: str, errors: Sequence[str]) -> ManifestError:
    """An error that lists `errors`, one per line: at most the first `_MAX_LISTED`, then the number of the others."""
    more = [f"  and {len(errors) - _MAX_LISTED} more"] if len(errors) > _MAX_LISTED else []
    return ManifestError("\n".join([head, *(f"  {mistake}" for mistake in errors[:_MAX_LISTED]), *more]))


def read_manifests(folder: Path, skip: str | None = None) -> list[Source]:
    """All rows of all ``*.csv`` in `folder` except the file named `skip`, sorted by id.

    Raises:
        ManifestError: lists file, line, column, found and expected for every error in all files.
    """
    sources: dict[str, Source] = {}
    first_seen: dict[str, tuple[str, int]] = {}
    errors: list[str] = []
    for path in sorted(path for path in folder.glob("*.csv") if path.name != skip):
        records, file_errors = _read_records(path)
        errors += file_errors
        for line, record in records:
            found = parse_row(record, folder)
            if isinstance(found, Source) and found.id in sources:
                file, other = first_seen[found.id]
                found = [f"column id: {found.id!r} is already used in {file}, line {other}; rename one of them"]
            if isinstance(found, Source):
                first_seen[found.id] = path.name, line
                sources[found.id] = found
            else:
                errors += [f"{path.name}, line {line}, {problem}" for problem in found]
    if errors:
        raise manifest_error(f"{folder}: errors in the source manifests:", errors)
    if not sources and skip is None:
        raise ManifestError(f"{folder}: no rows in any *.csv; create one with the columns {','.join(COLUMNS)}")
    return [sources[id] for id in sorted(sources)]


def write_manifest(path: Path, records: Iterable[Mapping[str, str]]) -> int:
    """Write `records`, sorted by id, with missing columns left empty; returns the number of rows.

    Raises:
        ManifestError: `read_manifests` would reject a row; nothing is written.
    """
    rows = sorted(({name: record.get(name, "") for name in COLUMNS} for record in records), key=lambda row: row["id"])
    errors = []
    for before, row in zip([None, *rows], rows, strict=False):
        found = parse_row(row, path.parent)
        errors += [f"{row['id']}, {problem}" for problem in found] if isinstance(found, list) else []
        if before and before["id"] == row["id"]:
            errors.append(f"{row['id']} is repeated; ids must be unique")
    if errors:
        raise manifest_error(f"{path}: not written because of errors in its rows:", errors)
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def _read_records(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Rows of one file with their line numbers, and errors that concern the whole file."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            file_errors = _column_problems(reader.fieldnames or [])
            if file_errors:
                return [], [f"{path.name}, line 1: {file_errors}"]
            return [(reader.line_num, record) for record in reader], []
    except UnicodeDecodeError as error:
        return [], [f"{path.name}: not UTF-8 at byte {error.start}; save it as UTF-8"]
    except csv.Error as error:
        return [], [f"{path.name}: not a CSV table ({error})"]


def _column_problems(found: Sequence[str]) -> str:
    unknown = [name for name in found if name not in COLUMNS]
    missing = [name for name in COLUMNS if name not in found]
    twice = sorted({name for name in found if found.count(name) > 1})
    named = (("unknown", unknown), ("missing", missing), ("repeated", twice))
    problems = "; ".join(f"{kind} column {', '.join(map(repr, names))}" for kind, names in named if names)
    return f"{problems}; expected {','.join(COLUMNS)}" if problems else ""
