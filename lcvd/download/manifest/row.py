"""One row of a source manifest: its columns, what is wrong with it, and the source that it describes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lcvd.download.manifest.box import FORM as CROP_FORM
from lcvd.download.manifest.box import Crop, parse_crop
from lcvd.download.manifest.times import FORM as TIME_FORM
from lcvd.download.manifest.times import Keys, Time, parse_time, span

COLUMNS = ("id", "identity", "address", "start", "end", "crop", "licence", "dataset")
SCHEMES = ("package", "local", "file", "http", "https", "youtube", "site", "studio")
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}")
_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_FORMULA = tuple("=+-@\t\r")


@dataclass(frozen=True)
class Source:
    """One row: where a clip comes from.

    `start` and `end` are as `lcvd.download.manifest.times.FORM` lists, half-open; `folder` is the manifest's own, against which
    ``file:`` is resolved.
    """

    id: str
    identity: str
    address: str
    start: str
    end: str
    crop: Crop | None
    licence: str
    folder: Path
    dataset: str

    def span(self, frames: int, fps: float, keys: Keys = ()) -> tuple[int, int]:
        """Half-open range of native frames; see `lcvd.download.manifest.times.span`."""
        return span(self.start, self.end, frames, fps, keys)


def read_row(record: Mapping[str, str], folder: Path) -> Source | list[str]:
    """The source that a row describes, or what is wrong with it: column, found, expected."""
    if None in record or None in record.values():
        return [f"expected {len(COLUMNS)} fields ({','.join(COLUMNS)}), quoted where they hold a comma"]
    crop = parse_crop(record["crop"]) if record["crop"] else None
    problems = [*_named(record), *_times(record["start"], record["end"])]
    if record["crop"] and record["address"].startswith("studio:"):
        problems.append(f"column crop: {record['crop']!r}; a studio clip has none, as its truth is of the whole frame")
    elif record["crop"] and crop is None:
        problems.append(f"column crop: {record['crop']!r}; expected {CROP_FORM}")
    if problems:
        return problems
    return Source(**{name: record[name] for name in COLUMNS if name != "crop"}, crop=crop, folder=folder)


def _named(record: Mapping[str, str]) -> list[str]:
    problems = []
    for name in COLUMNS:
        if record[name].startswith(_FORMULA):
            problems.append(
                f"column {name}: {record[name]!r} would be run as a formula by a spreadsheet; begin it with a letter or digit"
            )
    if not problems and not _ID.fullmatch(record["id"]):
        problems.append(f"column id: {record['id']!r}; expected 1 to 128 letters, digits, '_' and '-', no '-' first")
    if not record["identity"].strip():
        problems.append("column identity: empty; give all clips of a person the same name, it decides the split")
    if not record["dataset"].strip():
        problems.append("column dataset: empty; name the collection that the clip belongs to")
    elif not problems and not _DATASET.fullmatch(record["dataset"]):
        problems.append(f"column dataset: {record['dataset']!r}; expected 1 to 32 letters, digits, '_' and '-'")
    scheme, _, place = record["address"].partition(":")
    if scheme not in SCHEMES or not place:
        known = ", ".join(f"{scheme}:" for scheme in SCHEMES)
        problems.append(f"column address: {record['address']!r}; expected {known} and a place")
    return problems


def _times(start: str, end: str) -> list[str]:
    parsed = {name: parse_time(text) if text else None for name, text in (("start", start), ("end", end))}
    texts = {"start": start, "end": end}
    problems = [
        f"column {name}: {texts[name]!r}; expected {TIME_FORM}" for name in parsed if texts[name] and not parsed[name]
    ]
    first, last = parsed["start"], parsed["end"]
    if not problems and last and _empty(first, last):
        problems.append(
            f"column end: {end!r} isn't after start {start!r}; the range is half-open, swap or correct them"
        )
    return problems


def _empty(first: Time | None, last: Time) -> bool:
    """Whether a range is surely empty; times in different units can only be compared once the media is known."""
    if first and first.unit == last.unit:
        return last.value <= first.value
    return last.value == 0 and not last.unit.startswith("key:")
