"""Ratings: one JSON line each, only ever added. Who judges a video again has the last word."""

from __future__ import annotations

import json
import logging
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from lcvd.errors import FileError, UsageError
from lcvd.metrics.user_study import QUESTIONS

SCALE = (1, 2, 3, 4, 5)
LONGEST_NAME = 40
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rating:
    """What one rater said of one video: `scores` of the three `QUESTIONS`, each on the `SCALE`.

    Raises:
        ValueError: a question is missing or unknown, or a score isn't on the scale.
    """

    rater: str
    method: str
    shot: str
    scores: Mapping[str, int]
    at: str = ""
    """When, ISO 8601 in UTC."""

    def __post_init__(self) -> None:
        if set(self.scores) != set(QUESTIONS):
            raise UsageError(f"scores of {sorted(self.scores)}, expected {list(QUESTIONS)}")
        for name, score in self.scores.items():
            if type(score) is not int or score not in SCALE:
                raise UsageError(f"{name} is {score!r}; a score is a whole number from {SCALE[0]} to {SCALE[-1]}")


def rater_name(text: str) -> str:
    """A rater's name as it is kept: normalised, without spaces around it.

    Raises:
        ValueError: empty, longer than 40 characters, or with one that can't be printed.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise UsageError(f"a name has 1 to {LONGEST_NAME} characters that can be printed")
    return name


def append(path: Path, rating: Rating) -> None:
    """Add one line and wait until it is on the disk; several processes may do so at once."""
    line = json.dumps({**asdict(rating), "at": rating.at or datetime.now(UTC).isoformat(timespec="seconds")})
    with FileLock(f"{path}.lock"), path.open("ab+") as file:
        if file.tell() and not _ends_whole(path):
            file.write(b"\n")  # what a crash left half written stays a line of its own
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[Rating]:
    """The last rating of each rater, method and shot, in the order in which they were first given; none without a file.

    A line that a crash left half written is passed over with a warning.

    Raises:
        ValueError: a line is whole and no rating; the message says which.
    """
    if not path.is_file():
        return []
    found: dict[tuple[str, str, str], Rating] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            plain = json.loads(line)
        except json.JSONDecodeError:
            log.warning("%s, line %d: not a whole line, passed over: %.80s", path, number, line)
            continue
        try:
            rating = Rating(**plain)
        except (TypeError, ValueError) as error:
            raise FileError(f"{path}, line {number}: no rating: {error}") from None
        found[(rating.rater, rating.method, rating.shot)] = rating
    return list(found.values())


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
