import json
import os
import tarfile
import time
from pathlib import Path

import pytest

from lcvd.shard.sample import PARTS, Meta, Sample, read_samples
from lcvd.shard.write import write_shards


def sample(id: str, weight: int = 100_000) -> Sample:
    meta = Meta(id, "anna", "train", 16, 64, 25.0, "CC0", "file:x.mp4", "0" * 64, 0, "test")
    parts = {name: id.encode()[:1] * weight for name in PARTS if name != "meta.json"}
    return Sample(id, parts | {"meta.json": meta.to_json()}, "test")


def test_shards_are_cut_at_their_size(tmp_path: Path) -> None:
    ids = [f"clip{i}" for i in range(7)]
    places = write_shards(tmp_path, "train", ids, sample, 0.9)  # a sample is 0.4 MB
    index = json.loads((tmp_path / "train" / "index.json").read_text())
    assert [len(shard["ids"]) for shard in index["shards"]] == [2, 2, 2, 1]
    assert index["samples"] == 7
    for shard in index["shards"]:
        path = tmp_path / "train" / shard["name"]
        assert path.stat().st_size == shard["bytes"] < 0.95e6
        assert all(places[id] == shard["name"] for id in shard["ids"])
    assert [one.id for one in read_samples(tmp_path, "train")] == ids


def test_a_sample_larger_than_a_shard_gets_its_own(tmp_path: Path) -> None:
    write_shards(tmp_path, "train", ["a", "b"], sample, 0.1)
    assert sorted(path.name for path in (tmp_path / "train").glob("*.tar")) == ["train-000000.tar", "train-000001.tar"]


def test_members_tell_no_time_and_no_user(tmp_path: Path) -> None:
    long = "x" * 150
    write_shards(tmp_path, "train", ["a", long], sample, 10)
    with tarfile.open(tmp_path / "train" / "train-000000.tar") as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == [f"{id}.{part}" for id in ("a", long) for part in sorted(PARTS)]
    for member in members:
        assert (member.mtime, member.uid, member.gid, member.uname, member.gname, member.mode) == (
            0,
            0,
            0,
            "",
            "",
            0o444,
        )


def test_same_bytes_whenever_and_wherever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shards(tmp_path / "a", "train", ["a", "b"], sample, 10)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    old = os.umask(0o077)
    try:
        write_shards(Path("b"), "train", ["b", "a"], sample, 10)
    finally:
        os.umask(old)
    for name in ("train-000000.tar", "index.json"):
        assert (tmp_path / "a" / "train" / name).read_bytes() == (tmp_path / "b" / "train" / name).read_bytes()


def test_an_empty_split_has_an_index(tmp_path: Path) -> None:
    write_shards(tmp_path, "val", [], sample, 10)
    assert json.loads((tmp_path / "val" / "index.json").read_text()) == {"samples": 0, "shards": [], "split": "val"}
    assert list(read_samples(tmp_path, "val")) == []
