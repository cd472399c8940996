"""Write samples to tar shards. The bytes depend only on the samples, not on time, user, path or locale."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import webdataset as wds

from lcvd.shard.sample import INDEX, Sample

BLOCK = 512


def write_shards(
    folder: Path, split: str, ids: Iterable[str], load: Callable[[str], Sample], max_mb: float
) -> dict[str, str]:
    """Write a split's samples, in order of id, to ``folder/split``. Return the shard name of each id.

    A new shard starts before the sample that would make it exceed `max_mb` megabytes, so only a single larger sample gives
    a larger shard. One sample is in memory at a time. An empty split gets an index without shards.

    Raises:
        ValueError: see `Sample`.
    """
    target = folder / split
    target.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, Any]] = []
    writer: _Shard | None = None
    for id in sorted(ids):
        sample = load(id)
        if writer is not None and writer.bytes + _tar_bytes(sample) > max_mb * 1e6:
            shards.append(writer.close())
            writer = None
        if writer is None:
            writer = _Shard(target / f"{split}-{len(shards):06d}.tar")
        writer.add(sample)
    if writer is not None:
        shards.append(writer.close())
    index = {"split": split, "samples": sum(len(shard["ids"]) for shard in shards), "shards": shards}
    (target / INDEX).write_text(json.dumps(index, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    return {id: shard["name"] for shard in shards for id in shard["ids"]}


class _Shard:
    """A tar file being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ids: list[str] = []
        self.bytes = 0
        self._stream = path.open("wb")
        self._tar = wds.TarWriter(self._stream, user="", group="", mode=0o444, encoder=False, mtime=0)

    def add(self, sample: Sample) -> None:
        self._tar.write({"__key__": sample.id, **sample.parts})
        self.ids.append(sample.id)
        self.bytes += _tar_bytes(sample)

    def close(self) -> dict[str, Any]:
        self._tar.close()
        self._stream.close()
        return {"name": self.path.name, "bytes": self.path.stat().st_size, "ids": self.ids}


def _tar_bytes(sample: Sample) -> int:
    return sum(BLOCK + -(-len(data) // BLOCK) * BLOCK for data in sample.parts.values())
