"""TalkingHead-1KH: ``*_video_tubes.txt``, a clip a line: ``<video>_<minute>,H,W,S,E,L,T,R,B``.

The dataset cuts each video, without decoding it, into parts of a minute: part n begins at the first key frame at or
after n minutes. Frames S to E (both belong to the clip) are counted from there, the box is in an H x W picture. The first
key frame is looked up in the file that was fetched: it is the dataset's own where the site still serves the same encoding.
"""

from __future__ import annotations

import re
from pathlib import Path

from lcvd.download.datasets.base import Annotation, Dataset, Reading
from lcvd.download.datasets.files import files_in, lines_of

NAME = "talkinghead-1kh"
LICENCE = "CC BY 3.0 (each video's own, as published)"
FILES = ("train_video_tubes.txt", "val_video_tubes.txt")
FIELDS = "<video>_<minute>,H,W,S,E,L,T,R,B"
_PART = re.compile(r"([A-Za-z0-9_-]{11})_([0-9]{4})")


def read(path: Path) -> Reading:
    """Rows of one list, or of the folder's lists for training and validation."""
    reading = Reading()
    for file in files_in(path, FILES):
        for line, text in lines_of(file):
            _add(reading, file.name, line, text)
    return reading


def _add(reading: Reading, file: str, line: int, text: str) -> None:
    part, *values = text.split(",")
    match = _PART.fullmatch(part)
    if match is None or len(values) != 8 or not all(value.isdecimal() for value in values):
        reading.mistake(file, line, "fields", text, f"{FIELDS}, the last eight whole numbers")
        return
    height, width, first, last, left, top, right, bottom = map(int, values)
    if first > last:
        reading.mistake(file, line, "S, E", f"{first}, {last}", "S <= E, both belong to the clip")
    elif not (left < right <= width and top < bottom <= height):
        found = f"{left}, {top}, {right}, {bottom}"
        reading.mistake(file, line, "L, T, R, B", found, f"a box inside the {width}x{height} picture")
    else:
        video, begin = match[1], 60 * int(match[2])
        reading.rows.append(
            {
                "id": f"{NAME}-{part}-S{first}-E{last}-L{left}-T{top}-R{right}-B{bottom}",
                "identity": f"youtube:{video}",
                "address": f"youtube:{video}",
                "start": f"key:{begin}+{first}",
                "end": f"key:{begin}+{last + 1}",
                "crop": f"{left} {top} {right} {bottom} of {width}x{height}",
                "licence": LICENCE,
                "dataset": NAME,
            }
        )


DATASET = Dataset(
    NAME, LICENCE, "https://github.com/tcwang0509/TalkingHead-1KH", tuple(Annotation(file) for file in FILES), read
)
