"""Annotation files as text, lines and JSON; addresses in one form for each video."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lcvd.download.manifest.files import ManifestError


def files_in(path: Path, names: tuple[str, ...]) -> list[Path]:
    """`path` itself if it is a file, else the files `names` in that folder.

    Raises:
        FileNotFoundError: names those that aren't there.
    """
    if path.is_file():
        return [path]
    found = [path / name for name in names]
    missing = [each.name for each in found if not each.is_file()]
    if missing:
        raise FileNotFoundError(f"{path}: no {', '.join(missing)} in it; name the annotation file or its folder")
    return found


def text_of(path: Path) -> str:
    """A text file.

    Raises:
        ManifestError: it isn't UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not UTF-8 at byte {error.start}; fetch it again") from None


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, stripped line) of a text file; empty lines are left out."""
    for number, line in enumerate(text_of(path).splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def read_json(path: Path, number: Callable[[str], Any] = Decimal) -> tuple[dict[str, Any], Callable[[str], int]]:
    """An object in JSON, and a function that tells the line at which a key first stands. `number` makes what isn't whole.

    Raises:
        ManifestError: not JSON, not an object, or a key stands twice in one object (Python would keep the last).
    """
    text = text_of(path)

    def line(key: str) -> int:
        return text.count("\n", 0, max(text.find(f'"{key}"'), 0)) + 1

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ManifestError(f"{path}, line {line(twice)}: key {twice!r} stands twice in one object; remove one")
        return found

    try:
        found = json.loads(text, parse_float=number, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ManifestError(f"{path}, line {error.lineno}: not JSON ({error.msg}); fetch it again") from None
    if not isinstance(found, dict):
        raise ManifestError(f"{path}: holds a JSON {type(found).__name__}; expected an object")
    return found, line


def one_address(url: str) -> str:
    """``youtube:<id>`` for a watch page, whatever else its address says, so that a video is fetched once; else `url`."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    if host == "youtu.be":
        return f"youtube:{parts.path.strip('/')}"
    if host == "youtube.com" and (video := parse_qs(parts.query).get("v")):
        return f"youtube:{video[0]}"
    return url


def plain(number: Decimal | int) -> str:
    """A number without an exponent or trailing zeros."""
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
