"""Files that users hand in: of which kind, how large, and under which name they are kept."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from lcvd.app.relight.sessions import Session
from lcvd.errors import LcvdError
from lcvd.light.environment import SUFFIXES, environment_light, read_map
from lcvd.relighting.media import IMAGES, pixels_of

VIDEOS = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi")
KINDS = {"portrait": (*IMAGES, *VIDEOS), "driving": VIDEOS, "map": SUFFIXES}
"""What may be given as what, by the file's ending."""
CALLED = {"portrait": "a portrait", "driving": "a driving clip", "map": "an environment map"}
MEGABYTE = 1_000_000
LIMITS = {"portrait": 100 * MEGABYTE, "driving": 300 * MEGABYTE, "map": 100 * MEGABYTE}


class Refused(LcvdError):
    """A file that isn't taken; the text says why and what to do."""


def check_kind(role: str, name: str) -> str:
    """A name that is safe to keep a file under.

    Raises:
        Refused: files with that ending aren't taken as this.
    """
    plain = re.sub(r"[^\w.-]+", "_", re.split(r"[/\\]", name)[-1]).lstrip(".")
    stem, dot, ending = plain.rpartition(".")
    suffix = (dot + ending).lower()
    if suffix not in KINDS[role]:
        raise Refused(f"{plain or 'this file'} can't be {CALLED[role]}: choose {', '.join(KINDS[role])}")
    return f"{stem[:60] or role}{suffix}"


def check_size(role: str, size: int, limits: dict[str, int]) -> None:
    """See that so many bytes are few enough.

    Raises:
        Refused: they aren't.
    """
    if size > limits[role]:
        most = limits[role] / MEGABYTE
        raise Refused(
            f"this file is larger than {most:g} MB, the most that {CALLED[role]} may have; choose a smaller one"
        )


async def receive(session: Session, role: str, name: str, parts: AsyncIterator[bytes], limits: dict[str, int]) -> Path:
    """Write what arrives into the session's folder; nothing stays of what is refused.

    Raises:
        Refused: too large, empty, or of another kind.
    """
    path = _place(session, check_kind(role, name))
    size = 0
    try:
        with path.open("wb") as file:
            async for part in parts:
                size += len(part)
                check_size(role, size, limits)
                file.write(part)
        if not size:
            raise Refused(f"{path.name} is empty; choose another file")
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise
    return path


def copied(session: Session, example: Path) -> Path:
    """An example in the session's folder."""
    return Path(shutil.copyfile(example, _place(session, example.name)))


def accept(session: Session, role: str, path: Path) -> None:
    """Look at a file and let it be this session's portrait, clip or map, in the place of what it had.

    Clips are decoded when they are read; here it is seen that pictures and maps are such.

    Raises:
        Refused: it isn't what its name says; it is deleted.
    """
    try:
        environment = environment_light(read_map(path)) if role == "map" else None
        if path.suffix.lower() in IMAGES:
            pixels_of(path)
    except LcvdError as error:
        text = str(error).replace(str(path), path.name).removeprefix(f"{path.name}: ")
        shutil.rmtree(path.parent, ignore_errors=True)
        raise Refused(f"{path.name} can't be {CALLED[role]}: {text}") from None
    forget(session, role)
    session.files[role] = path
    if environment is not None:
        session.environment = environment


def forget(session: Session, role: str) -> None:
    """Delete what was given as this."""
    old = session.files.pop(role, None)
    if role == "map":
        session.environment = None
    else:
        session.scene = None  # it was read from other files
    if old:
        shutil.rmtree(old.parent, ignore_errors=True)


def _place(session: Session, name: str) -> Path:
    folder = session.folder / "given" / secrets.token_hex(8)
    folder.mkdir(parents=True)
    return folder / name
