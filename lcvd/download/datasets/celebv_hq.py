"""CelebV-HQ: ``celebvhq_info.json``, whose ``clips`` have a YouTube video, a time range, and a box in fractions of the
frame.

Clips are cropped as by the dataset's own script: the box grows by 2 % of the frame on every side, then the largest
square around its centre is taken. The annotations do not identify people, so all clips of a video share one identity.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import compress
from pathlib import Path
from typing import Any

from lcvd.download.datasets.base import Annotation, Dataset, ImportResult, Record
from lcvd.download.datasets.files import files_in, plain_number, read_json

NAME, FILE = "celebv-hq", "celebvhq_info.json"
LICENCE = "CelebV-HQ agreement: non-commercial research; videos belong to their owners"
MARGIN = Decimal("0.02")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")
_VIDEO = re.compile(r"[A-Za-z0-9_-]{11}")
_NUMBERS = {"duration": ("start_sec", "end_sec"), "bbox": ("top", "bottom", "left", "right")}


def read(path: Path) -> ImportResult:
    """Rows of the annotation file at `path`, or in that folder."""
    result = ImportResult()
    file = files_in(path, (FILE,))[0]
    content, line = read_json(file)
    clips = content.get("clips")
    if not isinstance(clips, dict):
        result.add_error(file.name, None, "clips", type(clips).__name__, "an object with one key per clip")
        return result
    for key, clip in clips.items():
        wrong = list(_wrong(key, clip if isinstance(clip, dict) else {}))
        for name, found, expected in wrong:
            result.add_error(file.name, line(key), f"clip {key}, {name}", found, expected)
        if not wrong:
            result.rows.append(_row(key, clip))
    return result


def _wrong(key: str, clip: dict[str, Any]) -> Iterator[tuple[str, object, str]]:
    """(field, found, expected) of every error in a clip."""
    if not _KEY.fullmatch(key):
        yield "key", key, "letters, digits, '_' and '-'"
    video = clip.get("ytb_id")
    if not isinstance(video, str) or not _VIDEO.fullmatch(video):
        yield "ytb_id", video, "the 11 characters of a YouTube id"
    for group, names in _NUMBERS.items():
        values = clip.get(group)
        numbers = [values.get(name) if isinstance(values, dict) else None for name in names]
        wrong = [not isinstance(number, Decimal | int) or isinstance(number, bool) for number in numbers]
        for name, number in compress(zip(names, numbers, strict=True), wrong):
            yield f"{group}.{name}", number, "a number"
        if not any(wrong):
            yield from _unordered(group, names, numbers)


def _unordered(group: str, names: tuple[str, ...], numbers: list[Any]) -> Iterator[tuple[str, object, str]]:
    most = 1 if group == "bbox" else Decimal("Infinity")
    expected = "fractions of the frame, 0 <= low < high <= 1" if group == "bbox" else "seconds, 0 <= start < end"
    for first in range(0, len(names), 2):
        low, high = numbers[first : first + 2]
        if not 0 <= low < high <= most:
            yield f"{group}.{names[first]}, {names[first + 1]}", f"{low}, {high}", expected


def _row(key: str, clip: dict[str, Any]) -> Record:
    top, bottom, left, right = (Decimal(clip["bbox"][name]) for name in _NUMBERS["bbox"])
    low = [max(side - MARGIN, Decimal(0)) for side in (left, top)]
    high = [min(side + MARGIN, Decimal(1)) for side in (right, bottom)]
    return {
        "id": f"{NAME}-{key}",
        "identity": f"youtube:{clip['ytb_id']}",
        "address": f"youtube:{clip['ytb_id']}",
        "start": plain_number(clip["duration"]["start_sec"]),
        "end": plain_number(clip["duration"]["end_sec"]),
        "crop": f"{' '.join(map(plain_number, low + high))} of 1x1 square",
    }


DATASET = Dataset(
    NAME,
    LICENCE,
    "https://github.com/CelebV-HQ/CelebV-HQ",
    (Annotation(FILE, "https://raw.githubusercontent.com/CelebV-HQ/CelebV-HQ/main/celebvhq_info.json"),),
    read,
)
