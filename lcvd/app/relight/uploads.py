"""Uploaded files: allowed formats, size limits, and safe names."""

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
"""Allowed file suffixes by role."""
TITLES = {"portrait": "a portrait", "driving": "a driving clip", "map": "an environment map"}
MEGABYTE = 1_000_000
LIMITS = {"portrait": 100 * MEGABYTE, "driving": 300 * MEGABYTE, "map": 100 * MEGABYTE}


class Refused(LcvdError):
    """An upload is refused; the message gives the reason and what to do."""


def check_kind(role: str, name: str) -> str:
    """A safe file name made from the upload's name.

    Raises:
        Refused: the suffix is not allowed for this role.
    """
    plain = re.sub(r"[^\w.-]+", "_", re.split(r"[/\\]", name)[-1]).lstrip(".")
    stem, dot, ending = plain.rpartition(".")
    suffix = (dot + ending).lower()
    if suffix not in KINDS[role]:
        raise Refused(f"{plain or 'this file'} can't be {TITLES[role]}: choose {', '.join(KINDS[role])}")
    return f"{stem[:60] or role}{suffix}"


def check_size(role: str, size: int, limits: dict[str, int]) -> None:
    """Check the size in bytes of an upload.

    Raises:
        Refused: it is above the limit.
    """
    if size > limits[role]:
        limit = limits[role] / MEGABYTE
        raise Refused(f"this file is larger than {limit:g} MB, the limit for {TITLES[role]}; choose a smaller one")


async def receive(session: Session, role: str, name: str, parts: AsyncIterator[bytes], limits: dict[str, int]) -> Path:
    """Write an upload to the session's folder; a refused file is deleted.

    Raises:
        Refused: the file is too large, empty, or of a wrong format.
    """
    path = _new_path(session, check_kind(role, name))
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
    """Copy an example into the session's folder."""
    return Path(shutil.copyfile(example, _new_path(session, example.name)))


def accept(session: Session, role: str, path: Path) -> None:
    """Check a file and make it the session's portrait, clip or map; the previous one is deleted.

    Images and maps are decoded here, clips only when they are reconstructed.

    Raises:
        Refused: the content doesn't match the suffix; the file is deleted.
    """
    try:
        environment = environment_light(read_map(path)) if role == "map" else None
        if path.suffix.lower() in IMAGES:
            pixels_of(path)
    except LcvdError as error:
        text = str(error).replace(str(path), path.name).removeprefix(f"{path.name}: ")
        shutil.rmtree(path.parent, ignore_errors=True)
        raise Refused(f"{path.name} can't be {TITLES[role]}: {text}") from None
    forget(session, role)
    session.files[role] = path
    if environment is not None:
        session.environment = environment


def forget(session: Session, role: str) -> None:
    """Delete the session's file of this role."""
    old = session.files.pop(role, None)
    if role == "map":
        session.environment = None
    else:
        session.scene = None  # it was made from the deleted file
    if old:
        shutil.rmtree(old.parent, ignore_errors=True)


def _new_path(session: Session, name: str) -> Path:
    folder = session.folder / "given" / secrets.token_hex(8)
    folder.mkdir(parents=True)
    return folder / name
