"""TalkingHead-1KH: ``*_video_tubes.txt``, one clip per line: ``<video>_<minute>,H,W,S,E,L,T,R,B``.

The dataset splits each video into one-minute parts without decoding it: part n starts at the first key frame at or
after minute n. Frames S to E (inclusive) are counted from there; the box refers to an H x W frame. The key frame is
looked up in the downloaded file, so it is the dataset's own only if the site still serves the same encoding.
"""

import re
from pathlib import Path

from lcvd.download.datasets.base import Annotation, Dataset, ImportResult
from lcvd.download.datasets.files import files_in, read_lines

NAME = "talkinghead-1kh"
LICENCE = "CC BY 3.0 (each video's own, as published)"
FILES = ("train_video_tubes.txt", "val_video_tubes.txt")
FIELDS = "<video>_<minute>,H,W,S,E,L,T,R,B"
_PART = re.compile(r"([A-Za-z0-9_-]{11})_([0-9]{4})")


def read(path: Path) -> ImportResult:
    """Rows of one list, or of the training and validation lists in a folder."""
    result = ImportResult()
    for file in files_in(path, FILES):
        for line, text in read_lines(file):
            _add(result, file.name, line, text)
    return result


def _add(result: ImportResult, file: str, line: int, text: str) -> None:
    part, *values = text.split(",")
    match = _PART.fullmatch(part)
    if match is None or len(values) != 8 or not all(value.isdecimal() for value in values):
        result.add_error(file, line, "fields", text, f"{FIELDS}, the last eight of them integers")
        return
    height, width, first, last, left, top, right, bottom = map(int, values)
    if first > last:
        result.add_error(file, line, "S, E", f"{first}, {last}", "S <= E (inclusive)")
    elif not (left < right <= width and top < bottom <= height):
        found = f"{left}, {top}, {right}, {bottom}"
        result.add_error(file, line, "L, T, R, B", found, f"a box within the {width}x{height} frame")
    else:
        video, begin = match[1], 60 * int(match[2])
        result.rows.append(
            {
                "id": f"{NAME}-{part}-S{first}-E{last}-L{left}-T{top}-R{right}-B{bottom}",
                "identity": f"youtube:{video}",
                "address": f"youtube:{video}",
                "start": f"key:{begin}+{first}",
                "end": f"key:{begin}+{last + 1}",
                "crop": f"{left} {top} {right} {bottom} of {width}x{height}",
            }
        )


DATASET = Dataset(
    NAME, LICENCE, "https://github.com/tcwang0509/TalkingHead-1KH", tuple(Annotation(file) for file in FILES), read
)
