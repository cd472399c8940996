import io
import tarfile

import numpy as np
import pytest

from lcvd.shards.sample import MEMBERS, SampleError, read_samples
from lcvd.shards.write import write_shards


def _samples(folder, count=5, size=3000):
    draw = np.random.default_rng(0)
    samples = {}
    for number in range(count):
        path = folder / f"clip-{number}"
        path.mkdir(parents=True)
        for name in MEMBERS:
            (path / name).write_bytes(draw.bytes(size))
        samples[f"clip-{number}"] = path
    return samples


def test_shards_are_cut_by_size_and_give_every_byte_back(tmp_path):
    samples = _samples(tmp_path / "in")
    where = write_shards(samples, tmp_path / "out", "train", 0.04)
    assert len(set(where.values())) > 1
    back = {sample.id: sample.members for sample in read_samples(tmp_path / "out", "train")}
    assert list(back) == sorted(samples)
    assert all(back[id][name] == (samples[id] / name).read_bytes() for id in samples for name in MEMBERS)


def test_bytes_do_not_depend_on_time_place_or_order(tmp_path, monkeypatch):
    samples = _samples(tmp_path / "in")
    write_shards(samples, tmp_path / "one", "test", 99)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.chdir(tmp_path)
    for path in tmp_path.glob("in/*/*"):
        path.touch()
    write_shards(dict(reversed(samples.items())), tmp_path / "two", "test", 99)
    one, two = ((tmp_path / name / "test" / "test-000000.tar").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_foreign_member_is_named_with_its_shard(tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    with tarfile.open(folder / "train-000000.tar", "w") as tar:
        info = tarfile.TarInfo("clip.exe")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(SampleError, match=r"train-000000\.tar: sample 'clip' holds \['exe'\]"):
        list(read_samples(tmp_path, "train"))


def test_a_split_without_shards_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="dvc repro shard"):
        list(read_samples(tmp_path, "val"))
