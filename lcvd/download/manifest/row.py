"""One row of a source manifest: columns, validation, and the source it describes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lcvd.download.manifest.box import FORMAT as CROP_FORMAT
from lcvd.download.manifest.box import Crop, parse_crop
from lcvd.download.manifest.times import FORMAT as TIME_FORMAT
from lcvd.download.manifest.times import KeyFrames, Time, frame_range, parse_time

COLUMNS = ("id", "identity", "address", "start", "end", "crop", "licence", "dataset")
SCHEMES = ("package", "local", "file", "http", "https", "youtube", "site", "studio")
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}")
_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_FORMULA = tuple("=+-@\t\r")


@dataclass(frozen=True)
class Source:
    """One row of a manifest: the origin of a clip.

    `start` and `end` use the notations of `lcvd.download.manifest.times.FORMAT` and are half-open. ``file:`` addresses
    are relative to `folder`, the folder of the manifest.
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

    def frame_range(self, frames: int, fps: float, keys: KeyFrames = ()) -> tuple[int, int]:
        """Half-open range of native frames; see `lcvd.download.manifest.times.frame_range`."""
        return frame_range(self.start, self.end, frames, fps, keys)


def parse_row(record: Mapping[str, str], folder: Path) -> Source | list[str]:
    """The source that a row describes, or its errors: column, found, expected."""
    if None in record or None in record.values():
        return [f"expected {len(COLUMNS)} fields ({','.join(COLUMNS)}), quoted if they contain a comma"]
    crop = parse_crop(record["crop"]) if record["crop"] else None
    problems = [*_field_problems(record), *_time_problems(record["start"], record["end"])]
    if record["crop"] and record["address"].startswith("studio:"):
        problems.append(
            f"column crop: {record['crop']!r}; not allowed for a studio clip, whose ground truth covers the whole frame"
        )
    elif record["crop"] and crop is None:
        problems.append(f"column crop: {record['crop']!r}; expected {CROP_FORMAT}")
    if problems:
        return problems
    return Source(**{name: record[name] for name in COLUMNS if name != "crop"}, crop=crop, folder=folder)


def _field_problems(record: Mapping[str, str]) -> list[str]:
    problems = []
    for name in COLUMNS:
        if record[name].startswith(_FORMULA):
            problems.append(
                f"column {name}: {record[name]!r} would be run as a formula by a spreadsheet; start it with a letter or digit"
            )
    if not problems and not _ID.fullmatch(record["id"]):
        problems.append(f"column id: {record['id']!r}; expected 1 to 128 letters, digits, '_' and '-', no '-' first")
    if not record["identity"].strip():
        problems.append("column identity: empty; use one name for all clips of a person, it decides the split")
    if not record["dataset"].strip():
        problems.append("column dataset: empty; name the dataset of the clip")
    elif not problems and not _DATASET.fullmatch(record["dataset"]):
        problems.append(f"column dataset: {record['dataset']!r}; expected 1 to 32 letters, digits, '_' and '-'")
    scheme, _, rest = record["address"].partition(":")
    if scheme not in SCHEMES or not rest:
        known = ", ".join(f"{scheme}:" for scheme in SCHEMES)
        problems.append(f"column address: {record['address']!r}; expected {known} followed by a location")
    return problems


def _time_problems(start: str, end: str) -> list[str]:
    first, last = (parse_time(text) if text else None for text in (start, end))
    times = ("start", start, first), ("end", end, last)
    problems = [f"column {name}: {text!r}; expected {TIME_FORMAT}" for name, text, time in times if text and not time]
    if not problems and last and _is_empty_range(first, last):
        problems.append(f"column end: {end!r} is not after start {start!r}; the range is half-open")
    return problems


def _is_empty_range(first: Time | None, last: Time) -> bool:
    """Whether a range is certainly empty. Times in different units can only be compared once the media is known."""
    if first and first.unit == last.unit:
        return last.value <= first.value
    return last.value == 0 and not last.unit.startswith("key:")
