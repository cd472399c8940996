"""Pack the codes and masks of all clips into few archives, because DVC is slow with two tracked files per clip.

A clip's archive depends on its id and the number of archives, which is a power of two. Adding a clip therefore changes one
archive, until the number of archives doubles.
"""

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
"""Approximate number of clips per archive."""
SHEETS = 256
"""Maximum number of clips whose contact sheets are stored next to the archives."""
CODES, MASK = "codes.safetensors", "mask.mkv"
_MEMBER = re.compile(rf"[A-Za-z0-9_-]+\.({re.escape(CODES)}|{re.escape(MASK)})")


def pack(placed: Path, out: Path, ids: Collection[str]) -> None:
    """Pack the files that `reconstruct_chunk` wrote to `placed` for the clips `ids` into ``out/packs/NNNN-of-NNNN.tar``.

    ``out/preview`` gets the contact sheets of up to `SHEETS` clips, evenly spaced over the ids. Equal files give equal bytes.
    """
    count = 1
    while count * CLIPS < len(ids):
        count *= 2
    groups: dict[str, list[str]] = {}
    for id in sorted(ids):
        groups.setdefault(_archive_of(id, count), []).append(id)
    (out / "packs").mkdir(parents=True)
    for name, group in groups.items():
        with tarfile.open(out / "packs" / name, "x:") as tar:
            for id in group:
                _add(tar, placed / "codes" / f"{id}.safetensors", f"{id}.{CODES}")
                _add(tar, placed / "masks" / f"{id}.mkv", f"{id}.{MASK}")
    for id in sorted(ids)[:: max(1, -(-len(ids) // SHEETS))]:
        link_or_copy(placed / "preview" / f"{id}.png", out / "preview" / f"{id}.png")


class Packs:
    """Read access, by clip, to the archives of stage `reconstruct` below `folder`. Nothing is unpacked to disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "packs"
        self._count = max((int(path.stem.rpartition("-")[2]) for path in self.folder.glob("*-of-*.tar")), default=1)
        self._members: dict[Path, dict[str, tuple[int, int]]] = {}

    def codes(self, id: str) -> FaceCodes:
        """Return the face codes of a clip. Errors: see `part` and `FaceCodes.of_bytes`."""
        return FaceCodes.of_bytes(self.part(id, CODES), id)

    def part(self, id: str, part: str) -> bytes:
        """Return the bytes of part `CODES` or `MASK` of a clip.

        Raises:
            ClipError: `not_reconstructed`, the part is missing.
            FileError: the archive is truncated or has unexpected members. The message names it.
        """
        path = self.folder / _archive_of(id, self._count)
        if path not in self._members:
            self._members[path] = _index(path) if path.is_file() else {}
        if f"{id}.{part}" not in self._members[path]:
            raise ClipError("not_reconstructed", f"{path}: {id}.{part} is missing; run `dvc repro reconstruct` first")
        offset, size = self._members[path][f"{id}.{part}"]
        with path.open("rb") as stream:
            stream.seek(offset)
            found = stream.read(size)
        if len(found) != size:
            raise FileError(f"{path}: truncated; run `dvc checkout reconstruct`, or `dvc repro reconstruct`")
        return found


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    member = tarfile.TarInfo(name)  # without time, owner and mode, so that equal files give equal bytes
    member.size = path.stat().st_size
    with path.open("rb") as stream:
        tar.addfile(member, stream)


def _index(path: Path) -> dict[str, tuple[int, int]]:
    """Return offset and size of each member. Only headers are read."""
    found = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or not _MEMBER.fullmatch(member.name):
                    raise FileError(f"{path}: unexpected member {member.name!r}; expected codes and masks of clips")
                found[member.name] = member.offset_data, member.size
    except tarfile.TarError as error:
        raise FileError(f"{path}: {error}; run `dvc checkout reconstruct`, or `dvc repro reconstruct`") from None
    return found


def _archive_of(id: str, count: int) -> str:
    """Return the file name of a clip's archive if there are `count` archives."""
    number = int.from_bytes(hashlib.sha256(id.encode()).digest()[:4], "big") % count
    return f"{number:04}-of-{count:04}.tar"
