"""Check the members of a shard: only regular files of samples are allowed, because an archive may come from anyone."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from lcvd.errors import FileError

PARTS = ("codes.safetensors", "frames.mp4", "hints.mkv", "mask.mkv", "meta.json")
LATENTS = "latents.safetensors"
_MEMBER = re.compile(rf"[A-Za-z0-9_-]+\.({'|'.join(map(re.escape, (*PARTS, LATENTS)))})")
_KINDS = {
    tarfile.SYMTYPE: "a link",
    tarfile.LNKTYPE: "a link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.DIRTYPE: "a folder",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


def members(shard: Path) -> Iterator[tarfile.TarInfo]:
    """Yield the members of a shard in order. Only headers are read.

    Compressed archives and sparse members are rejected, because their content can be arbitrarily larger than the file.

    Raises:
        FileError: a member isn't part of a sample, or is a link, a device, a folder or a sparse file.
        tarfile.TarError: the archive is truncated or compressed, or the file isn't a tar archive.
    """
    with tarfile.open(shard, "r:") as tar:
        for member in tar:
            if not _MEMBER.fullmatch(member.name):
                raise FileError(
                    f"member {member.name!r} isn't part of a sample (expected <id>.{{{','.join((*PARTS, LATENTS))}}})"
                )
            if member.issparse() or member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
                kind = "a sparse file" if member.issparse() else _KINDS.get(member.type, "no file")
                raise FileError(f"member {member.name!r} is {kind}; only regular files are allowed in a shard")
            yield member
