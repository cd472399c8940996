"""Archives that somebody else made: links, bombs and members that lead out of the folder are refused by name."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from lcvd.shard.sample import read_samples
from lcvd.shard.tar_members import members
from lcvd.shard.write import write_shards
from lcvd.train.shard_index import index_of
from tests.lcvd.shard.test_sample import sample


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    write_shards(tmp_path, "train", ["a", "b"], sample, 1.0)
    return tmp_path / "train" / "train-000000.tar"


def readers(shard: Path) -> list[str]:
    """What each of the two who read shards says."""
    said = []
    for read in (
        lambda: list(read_samples(shard.parents[1], "train")),
        lambda: index_of(shard.parents[1], "train", 64, None),
    ):
        with pytest.raises(ValueError, match=r"train-000000\.tar") as caught:
            read()
        said.append(str(caught.value))
    return said


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "is a link"),
        (tarfile.LNKTYPE, "is a link"),
        (tarfile.FIFOTYPE, "is a pipe"),
        (tarfile.CHRTYPE, "is a device"),
        (tarfile.DIRTYPE, "is a folder"),
    ],
)
def test_members_that_are_no_files_are_refused(shard: Path, kind: bytes, said: str) -> None:
    with tarfile.open(shard, "a") as archive:
        member = tarfile.TarInfo("a.frames.mp4")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    assert all(f"member 'a.frames.mp4' {said}" in each for each in readers(shard))


@pytest.mark.parametrize(
    "name", ["../b.frames.mp4", "/tmp/b.frames.mp4", "x/b.frames.mp4", "b.frames.mp4.exe", "..frames.mp4"]
)
def test_members_that_lead_out_are_refused(shard: Path, name: str) -> None:
    with tarfile.open(shard, "a") as archive:
        member = tarfile.TarInfo(name)
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    assert all(f"member {name!r} isn't part of a sample" in each for each in readers(shard))


def test_a_sparse_member_is_refused_before_it_grows(shard: Path, tmp_path: Path) -> None:
    """GNU tar's sparse files: a header of 512 bytes can stand for any number of zeros."""
    size = 2**40
    header = tarfile.TarInfo("a.frames.mp4").tobuf(tarfile.GNU_FORMAT)
    header = bytearray(header)
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[483:495] = b"\x80" + size.to_bytes(11, "big")  # the size it unpacks to
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    shard.write_bytes(bytes(header) + shard.read_bytes())
    with tarfile.open(shard) as archive:
        first = archive.next()
        assert first is not None
        assert first.size == size  # it is as bad as it should be
    assert all("member 'a.frames.mp4' is a sparse file" in each for each in readers(shard))


def test_a_compressed_archive_is_not_unpacked(shard: Path) -> None:
    whole = shard.read_bytes()
    shard.write_bytes(gzip.compress(whole))
    with tarfile.open(shard) as archive:  # tarfile would
        assert archive.getnames()
    with pytest.raises(tarfile.TarError):
        list(members(shard))
    with pytest.raises(ValueError, match=r"train-000000\.tar: truncated archive"):
        list(read_samples(shard.parents[1], "train"))
    entries, broken = index_of(shard.parents[1], "train", 64, None)
    assert not entries
    assert all("truncated archive" in why for why in broken.values())
