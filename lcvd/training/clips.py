"""Random access to the clips of a split: an index over its shards, and decoded clips in memory where they fit."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lcvd.shards.sample import PARTS, Meta, Sample, shard_paths

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """Some frames of one clip: frames and hints (n,S,S,3) uint8 RGB, masks (n,S,S) uint8, 255 on the person."""

    frames: Frames
    hints: Frames
    masks: Frames

    def take(self, indices: Sequence[int]) -> Pictures:
        """Those at `indices`."""
        at = list(indices)
        return Pictures(self.frames[at], self.hints[at], self.masks[at])


@dataclass(frozen=True)
class _Entry:
    """Where a clip lies in its shard."""

    id: str
    shard: Path
    parts: dict[str, tuple[int, int]]
    length: int

    def sample(self) -> Sample:
        return _read(self.shard, self.id, self.parts)


class Clips:
    """The clips of one split at the model's size, in order of id.

    Args:
        size: side of the pictures, at most the shards'.
        memory_mb: when all clips decoded need no more, they are decoded once, by `threads` threads, and held.

    Raises:
        FileNotFoundError: the split isn't there.
        ValueError: the split is empty, a shard isn't whole, or its pictures are smaller than `size`; names the clip.
    """

    def __init__(self, folder: Path, split: str, *, size: int, memory_mb: int, threads: int = 1) -> None:
        self._entries = sorted(
            (entry for path in shard_paths(folder, split) for entry in _index(path, size)), key=lambda entry: entry.id
        )
        if not self._entries:
            raise ValueError(f"{folder / split}: no clips; see the ledgers of filter, reconstruct and shard for why")
        self._size = size
        self._held: list[Pictures] = []
        if sum(entry.length for entry in self._entries) * size * size * 7 <= memory_mb * 1e6:
            with ThreadPoolExecutor(threads) as pool:
                self._held = list(pool.map(lambda i: self._decode(i, range(self.length(i))), range(len(self))))

    def __len__(self) -> int:
        """Number of clips."""
        return len(self._entries)

    def id(self, clip: int) -> str:
        """Id of a clip."""
        return self._entries[clip].id

    def length(self, clip: int) -> int:
        """Frames of a clip."""
        return self._entries[clip].length

    def pictures(self, clip: int, indices: Sequence[int]) -> Pictures:
        """Frames `indices` of a clip, in that order; an index may come twice."""
        return self._held[clip].take(indices) if self._held else self._decode(clip, indices)

    def _decode(self, clip: int, indices: Sequence[int]) -> Pictures:
        sample, at = self._entries[clip].sample(), list(indices)
        return Pictures(
            _resized(sample.frames(at), self._size, cv2.INTER_AREA),
            _resized(sample.hints(at), self._size, cv2.INTER_AREA),
            _resized(sample.masks(at), self._size, cv2.INTER_NEAREST),
        )


def _resized(pictures: Frames, size: int, rule: int) -> Frames:
    if pictures.shape[1] == size:
        return pictures
    return np.stack([cv2.resize(picture, (size, size), interpolation=rule) for picture in pictures])


def _index(shard: Path, size: int) -> list[_Entry]:
    """Entries of one shard, from its headers and its clips' metadata."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(shard) as tar:
            for member in tar:
                id, _, name = member.name.partition(".")
                found.setdefault(id, {})[name] = (member.offset_data, member.size)
    except tarfile.TarError as error:
        raise ValueError(f"{shard}: torn archive: {error}; run `dvc checkout` or `dvc repro shard`") from None
    return [_entry(shard, id, parts, size) for id, parts in found.items()]


def _entry(shard: Path, id: str, parts: dict[str, tuple[int, int]], size: int) -> _Entry:
    if set(parts) != set(PARTS):
        raise ValueError(f"{shard}: sample {id} holds {sorted(parts)}, expected {sorted(PARTS)}; run `dvc repro shard`")
    with shard.open("rb") as stream:
        stream.seek(parts["meta.json"][0])
        meta = Meta.of_json(stream.read(parts["meta.json"][1]))
    if meta.size < size:
        raise ValueError(
            f"{shard}: sample {id} is {meta.size} px, train.model.size asks for {size}: lower it, or raise shard.size"
        )
    return _Entry(id, shard, parts, meta.frames)


def _read(shard: Path, id: str, parts: dict[str, tuple[int, int]]) -> Sample:
    with shard.open("rb") as stream:
        data = {}
        for name, (offset, size) in parts.items():
            stream.seek(offset)
            data[name] = stream.read(size)
    return Sample(id, data, shard.name)
