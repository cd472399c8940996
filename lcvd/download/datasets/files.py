"""Read annotation files as text, lines and JSON; normalise video addresses."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lcvd.download.manifest.files import ManifestError
from lcvd.errors import MissingFile


def files_in(path: Path, names: tuple[str, ...]) -> list[Path]:
    """`path` itself if it is a file, otherwise the files `names` in that folder.

    Raises:
        MissingFile: files are missing; the message names them.
    """
    if path.is_file():
        return [path]
    found = [path / name for name in names]
    missing = [each.name for each in found if not each.is_file()]
    if missing:
        raise MissingFile(f"{path}: {', '.join(missing)} missing; choose the annotation file or its folder")
    return found


def read_text(path: Path) -> str:
    """Read a text file.

    Raises:
        ManifestError: it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not UTF-8 at byte {error.start}; download it again") from None


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, stripped line) of the non-empty lines of a text file."""
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def read_json(path: Path, number: Callable[[str], Any] = Decimal) -> tuple[dict[str, Any], Callable[[str], int]]:
    """Read a JSON object; returns it and a function that gives the line of a key's first occurrence. `number` parses
    numbers that are not integers.

    Raises:
        ManifestError: the file is not JSON, is not an object, or repeats a key in an object (Python would keep the
            last).
    """
    text = read_text(path)

    def line(key: str) -> int:
        return text.count("\n", 0, max(text.find(f'"{key}"'), 0)) + 1

    def reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ManifestError(f"{path}, line {line(twice)}: key {twice!r} is repeated in one object; remove one")
        return found

    try:
        found = json.loads(text, parse_float=number, object_pairs_hook=reject_duplicate_keys)
    except json.JSONDecodeError as error:
        raise ManifestError(f"{path}, line {error.lineno}: not JSON ({error.msg}); download it again") from None
    if not isinstance(found, dict):
        raise ManifestError(f"{path}: found a JSON {type(found).__name__}; expected an object")
    return found, line


def canonical_address(url: str) -> str:
    """``youtube:<id>`` for any address of a YouTube video, so that it is downloaded once; otherwise `url`."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    if host == "youtu.be":
        return f"youtube:{parts.path.strip('/')}"
    if host == "youtube.com" and (video := parse_qs(parts.query).get("v")):
        return f"youtube:{video[0]}"
    return url


def plain_number(number: Decimal | int) -> str:
    """A number as text, without exponent or trailing zeros."""
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
