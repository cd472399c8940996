"""What a shard may hold: plain files of samples and nothing else, whoever made the archive."""

from __future__ import annotations

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
    """Members of a shard in order; only headers are read.

    A compressed archive and a sparse member are refused because what they hold can be any number of times as large as
    the file.

    Raises:
        FileError: a member that belongs to no sample, or that is a link, a device, a folder or sparse.
        tarfile.TarError: the archive is torn, compressed, or none.
    """
    with tarfile.open(shard, "r:") as tar:
        for member in tar:
            if not _MEMBER.fullmatch(member.name):
                raise FileError(
                    f"member {member.name!r} belongs to no sample (expected <id>.{{{','.join((*PARTS, LATENTS))}}})"
                )
            if member.issparse() or member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
                kind = "a sparse file" if member.issparse() else _KINDS.get(member.type, "no file")
                raise FileError(f"member {member.name!r} is {kind}; a shard holds plain files only")
            yield member
