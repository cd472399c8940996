"""Ratings, stored as appended JSON lines. The last rating of a video by a rater counts."""

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
    """One rater's `scores` of one video for the three `QUESTIONS`, each on the `SCALE`.

    Raises:
        UsageError: a question is missing or unknown, or a score isn't on the scale.
    """

    rater: str
    method: str
    shot: str
    scores: Mapping[str, int]
    at: str = ""
    """Time of the rating, ISO 8601 in UTC."""

    def __post_init__(self) -> None:
        if set(self.scores) != set(QUESTIONS):
            raise UsageError(f"scores of {sorted(self.scores)}, expected {list(QUESTIONS)}")
        for name, score in self.scores.items():
            if type(score) is not int or score not in SCALE:
                raise UsageError(f"{name} is {score!r}; a score is a whole number from {SCALE[0]} to {SCALE[-1]}")


def rater_name(text: str) -> str:
    """Normalise a rater's name (Unicode NFC, single spaces).

    Raises:
        UsageError: it is empty, longer than 40 characters, or has unprintable characters.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise UsageError(f"a name must have 1 to {LONGEST_NAME} characters, all printable")
    return name


def append(path: Path, rating: Rating) -> None:
    """Append a rating and flush it to disk; several processes may append at once."""
    line = json.dumps({**asdict(rating), "at": rating.at or datetime.now(UTC).isoformat(timespec="seconds")})
    with FileLock(f"{path}.lock"), path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")  # keep a line that a crash truncated separate
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[Rating]:
    """The last rating of each rater, method and shot, in order of their first rating; [] without a file.

    A line that a crash truncated is skipped with a warning.

    Raises:
        FileError: a complete line isn't a rating; the message gives its number.
    """
    if not path.is_file():
        return []
    found: dict[tuple[str, str, str], Rating] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            plain = json.loads(line)
        except json.JSONDecodeError:
            log.warning("%s, line %d: truncated, skipped: %.80s", path, number, line)
            continue
        try:
            rating = Rating(**plain)
        except (TypeError, ValueError) as error:
            raise FileError(f"{path}, line {number}: not a rating: {error}") from None
        found[(rating.rater, rating.method, rating.shot)] = rating
    return list(found.values())
