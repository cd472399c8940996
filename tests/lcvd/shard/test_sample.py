import io
import json
import tarfile
from pathlib import Path

import pytest

from lcvd.shard.sample import INDEX, PARTS, Meta, Sample, read_samples, shard_paths
from lcvd.shard.write import write_shards


def meta(id: str) -> Meta:
    return Meta(id, "anna", "train", 16, 64, 25.0, "CC0", "file:x.mp4", "0" * 64, 0, "test")


def sample(id: str, weight: int = 100) -> Sample:
    parts = {name: f"{id} {name}".encode() * weight for name in PARTS if name != "meta.json"}
    return Sample(id, parts | {"meta.json": meta(id).to_json()}, "test")


def tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_shards(tmp_path, "train", ["b", "a", "c"], sample, 1.0)
    return tmp_path


def test_reads_what_was_written_in_order(folder: Path) -> None:
    found = list(read_samples(folder, "train"))
    assert [one.id for one in found] == ["a", "b", "c"]
    assert found[1].parts == sample("b").parts
    assert found[1].meta == meta("b")
    assert [one.id for one in read_samples(folder, "train", only={"c"})] == ["c"]


def test_every_rank_and_worker_sees_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert len(list(read_samples(folder, "train"))) == 3


def test_odd_archives_are_named(folder: Path) -> None:
    shard = folder / "train" / "train-000000.tar"
    good = {f"{id}.{name}": data for id in "abc" for name, data in sample(id).parts.items()}
    for odd in (
        "../../etc/passwd",
        "a.exe",
        "noext",
        "a.frames.mp4.tar",
        "ü.frames.mp4",
        "__x__.frames.mp4x",
        "a b.meta.json",
    ):
        tar(shard, {**good, odd: b"x"})
        with pytest.raises(ValueError, match=r"train-000000\.tar: .*"):
            list(read_samples(folder, "train"))
    tar(shard, {name: data for name, data in good.items() if name != "b.mask.mkv"})
    with pytest.raises(ValueError, match=r"sample b lacks \['mask.mkv'\]"):
        list(read_samples(folder, "train"))
    tar(shard, {name: data for name, data in good.items() if not name.startswith("c.")})
    with pytest.raises(ValueError, match=r"contains samples \['a', 'b'\], its index.json lists \['a', 'b', 'c'\]"):
        list(read_samples(folder, "train"))
    tar(shard, good)
    shard.write_bytes(shard.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"train-000000\.tar"):
        list(read_samples(folder, "train"))
    shard.write_bytes(b"not a tar" * 100)
    with pytest.raises(ValueError, match=r"train-000000\.tar: truncated archive"):
        list(read_samples(folder, "train"))


def test_what_is_missing_is_named(folder: Path) -> None:
    with pytest.raises(ValueError, match="'trian' doesn't exist; choose one of train, val, test"):
        shard_paths(folder, "trian")
    with pytest.raises(FileNotFoundError, match=r"val.index\.json: no such file; run `dvc repro shard`"):
        list(read_samples(folder, "val"))
    (folder / "train" / "train-000000.tar").unlink()
    with pytest.raises(FileNotFoundError, match=f"listed in {INDEX}"):
        shard_paths(folder, "train")


def test_a_sample_is_checked_on_construction() -> None:
    good = sample("a").parts
    with pytest.raises(ValueError, match=r"sample id 'a\.b'"):
        Sample("a.b", good, "here")
    with pytest.raises(ValueError, match=r"unknown \['x.txt'\]"):
        Sample("a", {**good, "x.txt": b""}, "here")
    with pytest.raises(ValueError, match=r"meta\.json of a"):
        Sample("b", good, "here")
    for text in ("[]", "{", json.dumps({"id": "a"}), meta("a").to_json().decode().replace("16", '"16"')):
        with pytest.raises(ValueError, match=r"here: sample a: meta\.json"):
            Sample("a", {**good, "meta.json": text.encode()}, "here")
    with pytest.raises(IndexError, match=r"frames 0\.\.15, frame 16 was requested"):
        sample("a").frames([3, 16])
