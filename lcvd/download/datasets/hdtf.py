"""HDTF: four text files for each of three groups, keyed by video name.

- ``X_video_url.txt``: name, address
- ``X_annotion_time.txt``: name.mp4, mm:ss-mm:ss for each clip
- ``X_crop_wh.txt``: name_clip.mp4, left, width, top, height
- ``X_resolution.txt``: name.mp4, frame height that the boxes refer to

Many videos lack an entry in one of them; their clips are reported as omitted. The identity is the video name without
its number. In group RD all videos are called Radio and share one identity, so that no person is in two splits. A video
that is listed under two names has one identity, too.
"""

import re
from pathlib import Path

from lcvd.download.datasets.base import Annotation, Dataset, ImportResult
from lcvd.download.datasets.files import canonical_address, files_in, read_lines

NAME = "hdtf"
LICENCE = "HDTF: research; videos belong to their owners"
GROUPS = ("RD", "WDA", "WRA")
KINDS = ("video_url", "annotion_time", "crop_wh", "resolution")
_REVISIONS = {"video_url": "428273f6a139c5fce9c78613621e930eccadce31",
              "annotion_time": "428273f6a139c5fce9c78613621e930eccadce31",
              "crop_wh": "be1ba974bc1f8f9a3630f991ab8e4932cef9b492",
              "resolution": "6720a988b177fe64854d1a0d8b91d031cdfb791e",
              "WRA_annotion_time": "be1ba974bc1f8f9a3630f991ab8e4932cef9b492",
              "WDA_crop_wh": "428273f6a139c5fce9c78613621e930eccadce31"}  # fmt: skip
"""Commit of the dataset's repository for each file; this module was written for these versions."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_RANGE = re.compile(r"((?:\d+:)?\d+:\d\d)-((?:\d+:)?\d+:\d\d)")


class _Table(dict[str, tuple[int, list[str]]]):
    """(line, values) by name (without ``.mp4``) of one file."""

    def __init__(self, path: Path, result: ImportResult) -> None:
        self.file, self.result = path.name, result
        for number, line in read_lines(path):
            name, *values = line.split()
            key = name.removesuffix(".mp4")
            if key in self:
                self.add_error(number, "name", name, f"unique names; line {self[key][0]} has it too")
            elif not _NAME.fullmatch(key):
                self.add_error(number, "name", name, "letters, digits, '_' and '-'")
            elif not values:
                self.add_error(number, f"values of {name}", "", "at least one value")
            else:
                self[key] = number, values

    def add_error(self, line: int, name: str, found: object, expected: str) -> None:
        self.result.add_error(self.file, line, name, found, expected)


def read(folder: Path) -> ImportResult:
    """Rows of all groups of which `folder` contains a file.

    Raises:
        FileNotFoundError: there is no group, or a group lacks a file.
    """
    result = ImportResult()
    groups = [group for group in GROUPS if any((folder / f"{group}_{kind}.txt").is_file() for kind in KINDS)]
    people: dict[str, str] = {}
    for group in groups or GROUPS:
        paths = files_in(folder, tuple(f"{group}_{kind}.txt" for kind in KINDS))
        urls, times, crops, heights = (_Table(path, result) for path in paths)
        for video in sorted({*urls, *times}):
            missing = [what for table, what in ((urls, "address"), (times, "times"), (heights, "frame height"))
                       if video not in table or table[video][1] == ["0"]]  # fmt: skip
            if missing:
                result.omitted.append(f"{group}_{video}: no {' and no '.join(missing)}")
                continue
            address, height = _address(urls, video), _height(heights, video)
            if address and height:
                identity = people.setdefault(address, f"{NAME}:{video.rstrip('0123456789')}")
                for clip, start, end in _ranges(times, video):
                    if clip not in crops:
                        result.omitted.append(f"{group}_{clip}: no box")
                    elif crop := _crop(crops, clip, height):
                        row = {"id": f"{NAME}-{group}-{clip}", "identity": identity, "address": address}
                        result.rows.append(row | {"start": str(start), "end": str(end), "crop": crop})
    return result


def _address(urls: _Table, video: str) -> str:
    line, values = urls[video]
    if len(values) == 1 and values[0].startswith(("https://", "http://")):
        return canonical_address(values[0])
    urls.add_error(line, f"address of {video}", " ".join(values), "one https address")
    return ""


def _height(heights: _Table, video: str) -> int:
    line, values = heights[video]
    if len(values) == 1 and values[0].isdecimal():
        return int(values[0])
    heights.add_error(line, f"height of {video}", " ".join(values), "one integer")
    return 0


def _ranges(times: _Table, video: str) -> list[tuple[str, int, int]]:
    """(clip name, start, end in seconds) of every range of a video."""
    line, texts = times[video]
    found = []
    for index, text in enumerate(texts):
        match = _RANGE.fullmatch(text)
        start, end = (_seconds(time) for time in match.groups()) if match else (0, 0)
        if start < end:
            found.append((f"{video}_{index}", start, end))
        else:
            times.add_error(line, f"clip {index} of {video}", text, "mm:ss-mm:ss, in order")
    return found


def _crop(crops: _Table, clip: str, height: int) -> str:
    line, values = crops[clip]
    if len(values) == 4 and all(value.isdecimal() for value in values):
        left, across, top, down = map(int, values)
        if across and down and top + down <= height:
            return f"{left} {top} {left + across} {top + down} of x{height}"
    crops.add_error(
        line, f"box of {clip}", " ".join(values), f"left, width, top, height within a frame of height {height}"
    )
    return ""


def _seconds(time: str) -> int:
    total = 0
    for part in time.split(":"):
        total = 60 * total + int(part)
    return total


def _annotation(group: str, kind: str) -> Annotation:
    revision = _REVISIONS.get(f"{group}_{kind}", _REVISIONS[kind])
    file = f"{group}_{kind}.txt"
    return Annotation(file, f"https://raw.githubusercontent.com/MRzzm/HDTF/{revision}/HDTF_dataset/{file}")


DATASET = Dataset(
    NAME,
    LICENCE,
    "https://github.com/MRzzm/HDTF",
    tuple(_annotation(group, kind) for group in GROUPS for kind in KINDS),
    read,
)
