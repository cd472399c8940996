"""VFHQ: ``meta_info``, a text file a clip (a folder of them, or the zip as published).

Its name tells video, person, clip and frames: ``Clip+<video>+P0+C0+F1537-1825.txt``. Its lines tell the height (``H``),
width (``W``) and rate (``FPS``) of the video that frames and box (``CROP``: x0 y0 x1 y1) were found in. As the dataset's own
script cuts them, the first and the last frame are left out. The person's number holds within a video only, so all
clips of a video are one identity.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lcvd.download.datasets.base import Annotation, Dataset, Reading, Record
from lcvd.download.datasets.files import text_of

NAME, FILE = "vfhq", "meta_info.zip"
LICENCE = "VFHQ: non-commercial research; videos belong to their owners"
_CLIP = re.compile(r"Clip\+([A-Za-z0-9_-]{11})\+P([0-9]+)\+C([0-9]+)\+F([0-9]+)-([0-9]+)\.txt")
_LINE = re.compile(r"(H|W|FPS|CROP)[A-Za-z]*\b[^-\d]*(.*)")
_PIXELS = re.compile("[0-9]+")
_RATE = re.compile(r"0*[1-9][0-9]*(?:\.[0-9]+)?")
_WANTED = {
    "H": (1, _PIXELS, "one number of pixels"),
    "W": (1, _PIXELS, "one number of pixels"),
    "FPS": (1, _RATE, "one rate"),
    "CROP": (4, _PIXELS, "x0 y0 x1 y1 in pixels"),
}


def read(path: Path) -> Reading:
    """Rows of a folder or zip of clip files, or of one clip file.

    Raises:
        FileNotFoundError: there is no clip file.
    """
    reading = Reading()
    clips = sorted(_clips(path))
    if not clips:
        raise FileNotFoundError(f"{path}: no Clip+*.txt in it; name VFHQ's meta_info folder or zip")
    seen: set[str] = set()
    for file, text in clips:
        match = _CLIP.fullmatch(file)
        if match is None:
            reading.mistake(file, None, "its name", file, "Clip+<video>+P<n>+C<n>+F<first>-<last>.txt")
        elif file in seen:
            reading.mistake(file, None, "its name", file, "each clip once; the zip holds it in two folders")
        else:
            seen.add(file)
            before = len(reading.mistakes)
            row = _row(reading, file, match, text)
            reading.rows += [row] if len(reading.mistakes) == before else []
    return reading


def _clips(path: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of every clip file."""
    if path.is_dir() and not any(path.glob("Clip+*.txt")):
        path = path / FILE if (path / FILE).is_file() else path / "meta_info"
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if PurePosixPath(name).name.startswith("Clip+"):
                    yield PurePosixPath(name).name, archive.read(name).decode("utf-8", "replace")
    else:
        for file in [path] if path.is_file() else path.glob("Clip+*.txt"):
            yield file.name, text_of(file)


def _row(reading: Reading, file: str, match: re.Match[str], text: str) -> Record:
    """A clip's row, worth nothing where a mistake was noted."""
    lines = [_LINE.match(line.strip()) for line in text.splitlines()]
    found = {line[1]: (number, line[2].replace(",", " ").split()) for number, line in enumerate(lines, 1) if line}
    values = {}
    for name, (count, form, expected) in _WANTED.items():
        number, values[name] = found.get(name, (None, []))
        if len(values[name]) != count or not all(form.fullmatch(value) for value in values[name]):
            reading.mistake(file, number, name, " ".join(values[name]) or None, expected)
            values[name] = ["0"] * count
    video, person, clip, first, last = match.groups()
    width, height, box = values["W"][0], values["H"][0], values["CROP"]
    x0, y0, x1, y1 = map(int, box)
    if int(last) - int(first) < 2:
        reading.mistake(file, None, "frames in its name", f"{first}-{last}", "at least one frame between them")
    if x1 and not (x0 < x1 <= int(width) and y0 < y1 <= int(height)):
        expected = f"a box inside the {width}x{height} picture"
        reading.mistake(file, found["CROP"][0], "CROP", " ".join(box), expected)
    return {
        "id": f"{NAME}-{video}-P{person}-C{clip}-F{first}-{last}",
        "identity": f"youtube:{video}",
        "address": f"youtube:{video}",
        "start": f"frame:{int(first) + 1}@{values['FPS'][0]}",
        "end": f"frame:{int(last)}@{values['FPS'][0]}",
        "crop": f"{' '.join(box)} of {width}x{height}",
        "licence": LICENCE,
        "dataset": NAME,
    }


DATASET = Dataset(NAME, LICENCE, "https://liangbinxie.github.io/projects/vfhq/", (Annotation(FILE),), read)
