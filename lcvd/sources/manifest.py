"""Source manifests: ``data/sources/*.csv``, one row a clip; every mistake is named with file, line and column."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

COLUMNS = ("id", "identity", "address", "start", "end", "crop", "licence")
SCHEMES = ("package", "local", "file", "http", "https", "studio")
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}")  # "-" in front is an option on command lines, a formula in tables
_TIME = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?|frame:[0-9]+)?")
_CROP = re.compile(r"([0-9]+) ([0-9]+) ([0-9]+) ([0-9]+)")
_ROUNDED = Fraction(1, 2)  # seconds by which an end may exceed the media: people round the length up


class ManifestError(ValueError):
    """Manifests can't be used; the message lists every mistake."""


@dataclass(frozen=True)
class Source:
    """One row: where a clip comes from.

    `start` and `end` are ``""`` (the whole), seconds (``12.48``) or a native frame (``frame:312``), half-open; `crop`
    is (x0, y0, x1, y1) in source pixels. `folder` is the manifest's own, against which ``file:`` is resolved.
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
        """Half-open range of native frames: seconds are rounded to the nearest frame boundary.

        Raises:
            ValueError: the range holds no frame of the media, or ends beyond it by more than half a second.
        """
        first = _frame(self.start, fps) if self.start else 0
        last = _frame(self.end, fps) if self.end else frames
        slack = 0 if self.end.startswith("frame:") else int(_ROUNDED * Fraction(fps))
        if first >= min(last, frames) or last > frames + slack:
            length = f"{frames} frames, {frames / fps:.2f} s"
            raise ValueError(f"from {self.start or '0'} to {self.end or 'the end'} isn't within the media ({length})")
        return first, min(last, frames)


def read_manifests(folder: Path, skip: str | None = None) -> list[Source]:
    """All rows of all ``*.csv`` in `folder` but the file named `skip`, in order of id.

    Raises:
        ManifestError: lists file, line, column, found and expected of every mistake, over all files.
    """
    sources: dict[str, Source] = {}
    places: dict[str, str] = {}
    mistakes: list[str] = []
    for path in sorted(path for path in folder.glob("*.csv") if path.name != skip):
        records, wrong = _records(path)
        mistakes += wrong
        for line, record in records:
            place = f"{path.name}, line {line}"
            problems = _problems(record)
            if not problems and record["id"] in sources:
                problems = [f"column id: {record['id']!r} stands already in {places[record['id']]}; rename one of them"]
            mistakes += [f"{place}, {problem}" for problem in problems]
            if not problems:
                places[record["id"]] = place
                sources[record["id"]] = _source(record, folder)
    if mistakes:
        raise ManifestError(f"{folder}: mistakes in the source manifests:\n" + "\n".join(f"  {m}" for m in mistakes))
    if not sources and skip is None:
        raise ManifestError(f"{folder}: no rows in any *.csv; write one with the columns {','.join(COLUMNS)}")
    return [sources[id] for id in sorted(sources)]


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


def _problems(record: Mapping[str, str]) -> list[str]:
    if None in record or None in record.values():
        return [f"expected {len(COLUMNS)} fields ({','.join(COLUMNS)}), quoted where they hold a comma"]
    start, end, crop, address = (record[name] for name in ("start", "end", "crop", "address"))
    problems = []
    if not _ID.fullmatch(record["id"]):
        problems.append(f"column id: {record['id']!r}; expected 1 to 128 letters, digits, '_' and '-', not first '-'")
    if not record["identity"].strip():
        problems.append("column identity: empty; give all clips of a person the same name, it decides the split")
    if not any(address.startswith(f"{scheme}:") and len(address) > len(scheme) + 1 for scheme in SCHEMES):
        problems.append(f"column address: {address!r}; expected {', '.join(f'{s}:' for s in SCHEMES)} and a place")
    times = [(name, value) for name, value in (("start", start), ("end", end)) if not _TIME.fullmatch(value)]
    problems += [f"column {name}: {value!r}; expected seconds (12.48), frame:312 or nothing" for name, value in times]
    if not times and not _ordered(start, end):
        problems.append(
            f"column end: {end!r} isn't after start {start!r}; the range is half-open, swap or correct them"
        )
    if crop and address.startswith("studio:"):
        problems.append(f"column crop: {crop!r}; a studio clip has none, as its truth is of the whole frame")
    elif crop and _crop(crop) is None:
        problems.append(f"column crop: {crop!r}; expected 'x0 y0 x1 y1' in source pixels with x0 < x1, y0 < y1")
    return problems


def _ordered(start: str, end: str) -> bool:
    if not end or (start and start.startswith("frame:") != end.startswith("frame:")):
        return True  # different units can only be compared once the frame rate is known: `Source.span`
    first, last = (Fraction(time.removeprefix("frame:") or 0) for time in (start, end))
    return first < last


def _crop(text: str) -> tuple[int, int, int, int] | None:
    match = _CROP.fullmatch(text)
    if match is None:
        return None
    x0, y0, x1, y1 = map(int, match.groups())
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _source(record: Mapping[str, str], folder: Path) -> Source:
    plain = {name: record[name] for name in COLUMNS if name != "crop"}
    return Source(**plain, crop=_crop(record["crop"]), folder=folder)


def _frame(time: str, fps: float) -> int:
    if time.startswith("frame:"):
        return int(time.removeprefix("frame:"))
    return int(Fraction(time) * Fraction(fps).limit_denominator(100_000) + Fraction(1, 2))
