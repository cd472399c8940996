"""FFHQ: ``ffhq-dataset-v2.json`` (image index -> address, hash and the photograph's own licence), or a list of pictures.

Its pictures are portraits to relight, clips of one frame. A list has a picture's name a line, below the folder that
LCVD_CLIPS names, for those who have the pictures already.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from lcvd.download.datasets.base import Annotation, Dataset, Reading, Record
from lcvd.download.datasets.files import files_in, lines_of, read_json

NAME, FILE = "ffhq", "ffhq-dataset-v2.json"
LICENCE = "each photograph's own; the collection CC BY-NC-SA 4.0"
_WANTED = (
    ("image", "file_url", re.compile(r"https?://\S+"), "an https address"),
    ("image", "file_md5", re.compile("[0-9a-f]{32}"), "32 small hexadecimal digits"),
    ("metadata", "license", re.compile(r"\w.*"), "the photograph's licence"),
)


def read(path: Path) -> Reading:
    """Rows of the JSON file (or the one in a folder), or of a text file that lists pictures."""
    file = files_in(path, (FILE,))[0]
    return _read_json(file) if file.suffix == ".json" else _read_list(file)


def _read_json(file: Path) -> Reading:
    reading = Reading()
    content, line = read_json(file, number=lambda _: 0.0)  # 19 million landmark coordinates, which nobody needs here
    for key, item in content.items():
        before = len(reading.mistakes)
        values = [_value(item, group, name) for group, name, _, _ in _WANTED]
        for value, (group, name, form, expected) in zip(values, _WANTED, strict=True):
            if not isinstance(value, str) or not form.fullmatch(value):
                reading.mistake(file.name, line(key), f"image {key}, {group}.{name}", value, expected)
        if not key.isdecimal():
            reading.mistake(file.name, line(key), f"image {key}, its key", key, "a number")
        if len(reading.mistakes) == before:
            url, digest, licence = values
            reading.rows.append(_record(f"{key:0>5}", f"{url}#md5={digest}", licence))
    return reading


def _value(item: Any, group: str, name: str) -> Any:
    values = item.get(group) if isinstance(item, dict) else None
    return values.get(name) if isinstance(values, dict) else None


def _read_list(file: Path) -> Reading:
    reading = Reading()
    for line, name in lines_of(file):
        stem = PurePosixPath(name).stem
        if stem.isdecimal() and not name.startswith("/"):
            reading.rows.append(_record(f"{stem:0>5}", f"local:{quote(name)}", LICENCE))
        else:
            reading.mistake(
                file.name, line, "picture", name, "a relative name that ends in the image's number, 00000.png"
            )
    return reading


def _record(number: str, address: str, licence: str) -> Record:
    identity = f"{NAME}-{number}"
    return {"id": identity, "identity": identity, "address": address, "licence": licence, "dataset": NAME}


DATASET = Dataset(NAME, LICENCE, "https://github.com/NVlabs/ffhq-dataset", (Annotation(FILE),), read)
