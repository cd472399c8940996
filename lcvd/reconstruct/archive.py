"""Codes and masks of a whole stage in few archives: what DVC tracks is files, and each clip has two of these.

Which archive takes a clip follows from its id and the number of archives, a power of two: a clip more changes one of them,
until the number doubles.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Collection
from pathlib import Path

from lcvd.cache.store import link_or_copy
from lcvd.errors import FileError
from lcvd.face.codes import FaceCodes
from lcvd.ledger.rows import ClipError

CLIPS = 64
"""An archive holds about so many."""
SHEETS = 256
"""Contact sheets of so many clips lie beside the archives, to be looked at."""
CODES, MASK = "codes.safetensors", "mask.mkv"
_MEMBER = re.compile(rf"[A-Za-z0-9_-]+\.({re.escape(CODES)}|{re.escape(MASK)})")


def pack(placed: Path, out: Path, ids: Collection[str]) -> None:
    """Pack what `reconstruct_chunk` placed in `placed` for the clips `ids` into ``out/packs/NNNN-of-NNNN.tar``.

    ``out/preview`` takes the contact sheets of `SHEETS` clips, all where there are no more, evenly spread over the ids.
    Equal files give equal bytes.
    """
    count = 1
    while count * CLIPS < len(ids):
        count *= 2
    groups: dict[int, list[str]] = {}
    for id in sorted(ids):
        groups.setdefault(_number(id, count), []).append(id)
    (out / "packs").mkdir(parents=True)
    for number, group in groups.items():
        with tarfile.open(out / "packs" / _name(number, count), "x:") as tar:
            for id in group:
                _add(tar, placed / "codes" / f"{id}.safetensors", f"{id}.{CODES}")
                _add(tar, placed / "masks" / f"{id}.mkv", f"{id}.{MASK}")
    for id in sorted(ids)[:: max(1, -(-len(ids) // SHEETS))]:
        link_or_copy(placed / "preview" / f"{id}.png", out / "preview" / f"{id}.png")


class Packs:
    """What stage `reconstruct` left below `folder`, by clip. Nothing is unpacked to where a member's name says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "packs"
        self._count = max((int(path.stem.rpartition("-")[2]) for path in self.folder.glob("*-of-*.tar")), default=1)
        self._members: dict[Path, dict[str, tuple[int, int]]] = {}

    def codes(self, id: str) -> FaceCodes:
        """Face codes of a clip; see `part` and `FaceCodes.of_bytes` for errors."""
        return FaceCodes.of_bytes(self.part(id, CODES), id)

    def part(self, id: str, part: str) -> bytes:
        """`CODES` or `MASK` of a clip.

        Raises:
            ClipError: it isn't there (`not_reconstructed`).
            FileError: the archive holds what doesn't belong there, or is torn; the message names it.
        """
        path = self.folder / _name(_number(id, self._count), self._count)
        if path not in self._members:
            self._members[path] = _index(path) if path.is_file() else {}
        if f"{id}.{part}" not in self._members[path]:
            raise ClipError("not_reconstructed", f"{path}: {id}.{part} isn't there; run `dvc repro reconstruct` first")
        offset, size = self._members[path][f"{id}.{part}"]
        with path.open("rb") as stream:
            stream.seek(offset)
            found = stream.read(size)
        if len(found) != size:
            raise FileError(f"{path}: torn; run `dvc checkout reconstruct`, or `dvc repro reconstruct`")
        return found


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    member = tarfile.TarInfo(name)  # without this machine's time, owner and mode
    member.size = path.stat().st_size
    with path.open("rb") as stream:
        tar.addfile(member, stream)


def _index(path: Path) -> dict[str, tuple[int, int]]:
    """Where each member's bytes are; only headers are read."""
    found = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or not _MEMBER.fullmatch(member.name):
                    raise FileError(f"{path}: member {member.name!r} is no clip's codes or mask")
                found[member.name] = member.offset_data, member.size
    except tarfile.TarError as error:
        raise FileError(f"{path}: {error}; run `dvc checkout reconstruct`, or `dvc repro reconstruct`") from None
    return found


def _number(id: str, count: int) -> int:
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:4], "big") % count


def _name(number: int, count: int) -> str:
    return f"{number:04}-of-{count:04}.tar"
