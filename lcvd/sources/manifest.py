"""Source manifests: ``data/sources/*.csv``, one row a clip; every mistake is named with file, line and column."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ("id", "identity", "address", "start", "end", "crop", "licence")
SCHEMES = ("package", "local", "file", "http", "https")
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TIME = re.compile(r"(?:\d+(?:\.\d+)?|frame:\d+)?")


class ManifestError(ValueError):
    """Manifests can't be used; the message lists every mistake."""


@dataclass(frozen=True)
class Source:
    """One row: where a clip comes from.

    `start` and `end` are ``""`` (the whole), seconds (``12.48``) or a native frame (``frame:312``), half-open; `crop` is
    (x0, y0, x1, y1) in source pixels. `folder` is the manifest's own, against which ``file:`` addresses are resolved.
    """

    id: str
    identity: str
    address: str
    start: str
    end: str
    crop: tuple[int, int, int, int] | None
    licence: str
    folder: Path

    def span(self, frames: int, fps: float) -> tuple[int, int]:
        """Half-open range of native frames, exact to the frame.

        Raises:
            ValueError: the range holds no frame of the media.
        """
        first = _frame(self.start, fps, 0)
        last = min(_frame(self.end, fps, frames), frames)
        if first >= last:
            raise ValueError(f"start {self.start or '0'!s} to end {self.end or 'the end'} holds none of {frames} frames")
        return first, last


def read_manifests(folder: Path) -> list[Source]:
    """All rows of all ``*.csv`` in `folder`, in order of id.

    Raises:
        ManifestError: lists file, line, column, found and expected of every mistake, over all files.
    """
    sources: list[Source] = []
    mistakes: list[str] = []
    seen: dict[str, str] = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            found = reader.fieldnames or []
            if set(found) != set(COLUMNS):
                mistakes.append(f"{path.name}: line 1: columns {','.join(found)}; expected {','.join(COLUMNS)}")
                continue
            for record in reader:
                place = f"{path.name}: line {reader.line_num}"
                problems = _problems(record)
                if not problems and record["id"] in seen:
                    problems = [f"id: {record['id']!r} stands already at {seen[record['id']]}; ids must be unique"]
                mistakes += [f"{place}: {problem}" for problem in problems]
                if not problems:
                    seen[record["id"]] = place
                    sources.append(_source(record, folder))
    if mistakes:
        raise ManifestError(f"{folder}:\n" + "\n".join(f"  {line}" for line in mistakes))
    if not sources:
        raise ManifestError(f"{folder}: no rows in any *.csv; write one with the columns {','.join(COLUMNS)}")
    return sorted(sources, key=lambda source: source.id)


def _problems(record: dict[str, str]) -> list[str]:
    if None in record or None in record.values():
        return [f"expected {len(COLUMNS)} fields ({','.join(COLUMNS)})"]
    problems = []
    if not _ID.fullmatch(record["id"]):
        problems.append(f"id: {record['id']!r}; expected letters, digits, '_' and '-'")
    if not record["identity"].strip():
        problems.append("identity: empty; give the same name to all clips of a person, it decides the split")
    if record["address"].split(":", 1)[0] not in SCHEMES or ":" not in record["address"]:
        problems.append(f"address: {record['address']!r}; expected one of {', '.join(s + ':' for s in SCHEMES)}")
    for name in ("start", "end"):
        if not _TIME.fullmatch(record[name]):
            problems.append(f"{name}: {record[name]!r}; expected seconds (12.48), frame:312, or nothing")
    if not problems and not _ordered(record["start"], record["end"]):
        problems.append(f"end: {record['end']!r} isn't after start {record['start']!r}")
    if record["crop"] and _crop(record["crop"]) is None:
        problems.append(f"crop: {record['crop']!r}; expected 'x0 y0 x1 y1' in pixels with x0 < x1 and y0 < y1")
    return problems


def _ordered(start: str, end: str) -> bool:
    if not start or not end or start.startswith("frame:") != end.startswith("frame:"):
        return True  # different units can only be compared once the frame rate is known: `Source.span`
    return float(start.removeprefix("frame:")) < float(end.removeprefix("frame:"))


def _crop(text: str) -> tuple[int, int, int, int] | None:
    parts = text.split()
    if len(parts) != 4 or not all(part.isdigit() for part in parts):
        return None
    x0, y0, x1, y1 = map(int, parts)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _source(record: dict[str, str], folder: Path) -> Source:
    plain = {name: record[name] for name in COLUMNS if name != "crop"}
    return Source(**plain, crop=_crop(record["crop"]) if record["crop"] else None, folder=folder)


def _frame(time: str, fps: float, default: int) -> int:
    if not time:
        return default
    return int(time.removeprefix("frame:")) if time.startswith("frame:") else round(float(time) * fps)
