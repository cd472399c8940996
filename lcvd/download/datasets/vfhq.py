"""VFHQ: ``meta_info``, one text file per clip, in a folder or in the published zip.

The file name contains video, person, clip and frames: ``Clip+<video>+P0+C0+F1537-1825.txt``. Its lines are the height
(``H``), width (``W``) and frame rate (``FPS``) of the annotated video and the box (``CROP``: x0 y0 x1 y1). As in the
dataset's own script, the first and the last frame are omitted. Person numbers are valid only within a video, so all
clips of a video share one identity.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lcvd.download.datasets.base import Annotation, Dataset, ImportResult, Record
from lcvd.download.datasets.files import read_text
from lcvd.errors import MissingFile

NAME, FILE = "vfhq", "meta_info.zip"
LICENCE = "VFHQ: non-commercial research; videos belong to their owners"
_CLIP = re.compile(r"Clip\+([A-Za-z0-9_-]{11})\+P([0-9]+)\+C([0-9]+)\+F([0-9]+)-([0-9]+)\.txt")
_LINE = re.compile(r"(H|W|FPS|CROP)[A-Za-z]*\b[^-\d]*(.*)")
_PIXELS = re.compile("[0-9]+")
_RATE = re.compile(r"0*[1-9][0-9]*(?:\.[0-9]+)?")
_FIELDS = {
    "H": (1, _PIXELS, "one integer"),
    "W": (1, _PIXELS, "one integer"),
    "FPS": (1, _RATE, "one frame rate"),
    "CROP": (4, _PIXELS, "x0 y0 x1 y1 in pixels"),
}


def read(path: Path) -> ImportResult:
    """Rows of a folder or zip of clip files, or of one clip file.

    Raises:
        MissingFile: there is no clip file.
    """
    result = ImportResult()
    clips = sorted(_clips(path))
    if not clips:
        raise MissingFile(f"{path}: no Clip+*.txt found; choose VFHQ's meta_info folder or zip")
    seen: set[str] = set()
    for file, text in clips:
        match = _CLIP.fullmatch(file)
        if match is None:
            result.add_error(file, None, "name", file, "Clip+<video>+P<n>+C<n>+F<first>-<last>.txt")
        elif file in seen:
            result.add_error(file, None, "name", file, "unique clips; the zip has this one in two folders")
        else:
            seen.add(file)
            before = len(result.errors)
            row = _row(result, file, match, text)
            result.rows += [row] if len(result.errors) == before else []
    return result


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
            yield file.name, read_text(file)


def _row(result: ImportResult, file: str, match: re.Match[str], text: str) -> Record:
    """The row of a clip; invalid if errors were added."""
    lines = [_LINE.match(line.strip()) for line in text.splitlines()]
    found = {line[1]: (number, line[2].replace(",", " ").split()) for number, line in enumerate(lines, 1) if line}
    values = {}
    for name, (count, pattern, expected) in _FIELDS.items():
        number, values[name] = found.get(name, (None, []))
        if len(values[name]) != count or not all(pattern.fullmatch(value) for value in values[name]):
            result.add_error(file, number, name, " ".join(values[name]) or None, expected)
            values[name] = ["0"] * count
    video, person, clip, first, last = match.groups()
    width, height, box = values["W"][0], values["H"][0], values["CROP"]
    x0, y0, x1, y1 = map(int, box)
    if int(last) - int(first) < 2:
        result.add_error(file, None, "frames in the name", f"{first}-{last}", "at least one frame between them")
    if x1 and not (x0 < x1 <= int(width) and y0 < y1 <= int(height)):
        expected = f"a box within the {width}x{height} frame"
        result.add_error(file, found["CROP"][0], "CROP", " ".join(box), expected)
    return {
        "id": f"{NAME}-{video}-P{person}-C{clip}-F{first}-{last}",
        "identity": f"youtube:{video}",
        "address": f"youtube:{video}",
        "start": f"frame:{int(first) + 1}@{values['FPS'][0]}",
        "end": f"frame:{int(last)}@{values['FPS'][0]}",
        "crop": f"{' '.join(box)} of {width}x{height}",
    }


DATASET = Dataset(NAME, LICENCE, "https://liangbinxie.github.io/projects/vfhq/", (Annotation(FILE),), read)
