"""FFHQ: ``ffhq-dataset-v2.json`` (for each image: address, hash and licence of the photograph), or a list of images.

The images are portraits to relight, imported as clips of one frame. A list has one image name per line, relative to the
folder in LCVD_CLIPS; use it if the images are already on disk.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from lcvd.download.datasets.base import Annotation, Dataset, ImportResult, Record
from lcvd.download.datasets.files import files_in, read_json, read_lines

NAME, FILE = "ffhq", "ffhq-dataset-v2.json"
LICENCE = "each photograph's own; the collection CC BY-NC-SA 4.0"
_FIELDS = (
    ("image", "file_url", re.compile(r"https?://\S+"), "an https address"),
    ("image", "file_md5", re.compile("[0-9a-f]{32}"), "32 lower-case hexadecimal digits"),
    ("metadata", "license", re.compile(r"\w.*"), "the photograph's licence"),
)


def read(path: Path) -> ImportResult:
    """Rows of the JSON file (or the one in a folder), or of a text file that lists images."""
    file = files_in(path, (FILE,))[0]
    return _read_json(file) if file.suffix == ".json" else _read_list(file)


def _read_json(file: Path) -> ImportResult:
    result = ImportResult()
    content, line = read_json(
        file, number=lambda _: 0.0
    )  # skip parsing 19 million landmark coordinates, which are not used
    for key, item in content.items():
        before = len(result.errors)
        values = [_value(item, group, name) for group, name, _, _ in _FIELDS]
        for value, (group, name, pattern, expected) in zip(values, _FIELDS, strict=True):
            if not isinstance(value, str) or not pattern.fullmatch(value):
                result.add_error(file.name, line(key), f"image {key}, {group}.{name}", value, expected)
        if not key.isdecimal():
            result.add_error(file.name, line(key), f"image {key}, key", key, "a number")
        if len(result.errors) == before:
            url, digest, licence = values
            result.rows.append(_record(f"{key:0>5}", f"{url}#md5={digest}") | {"licence": licence})
    return result


def _value(item: Any, group: str, name: str) -> Any:
    values = item.get(group) if isinstance(item, dict) else None
    return values.get(name) if isinstance(values, dict) else None


def _read_list(file: Path) -> ImportResult:
    result = ImportResult()
    for line, name in read_lines(file):
        stem = PurePosixPath(name).stem
        if stem.isdecimal() and not name.startswith("/"):
            result.rows.append(_record(f"{stem:0>5}", f"local:{quote(name)}"))
        else:
            result.add_error(
                file.name, line, "image", name, "a relative name that ends in the image number, such as 00000.png"
            )
    return result


def _record(number: str, address: str) -> Record:
    identity = f"{NAME}-{number}"
    return {"id": identity, "identity": identity, "address": address}


DATASET = Dataset(NAME, LICENCE, "https://github.com/NVlabs/ffhq-dataset", (Annotation(FILE),), read)
