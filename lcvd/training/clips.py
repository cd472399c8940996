"""Random access to the clips of a split: an index over its shards, and decoded clips in memory where they fit."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lcvd.model.masks import latent_mask
from lcvd.shards.prepared import Header, Key, Origin, Prepared, read_header, read_rows, square_at
from lcvd.shards.resize import frames_at, hints_at, masks_at
from lcvd.shards.sample import LATENTS, PARTS, Meta, Sample, shard_paths

Frames = NDArray[np.uint8]
Places = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Pictures:
    """Some frames of one clip: frames and hints (n,S,S,3) uint8 RGB, masks (n,h,w) uint8 at latent size, 1 on the person,
    and prepared latents where they are used."""

    frames: Frames
    hints: Frames
    masks: Frames
    prepared: Prepared | None = None

    def window(self, indices: Sequence[int]) -> Pictures:
        """Those at `indices`; with prepared latents, only the first one's frame, the reference."""
        at = list(indices)
        prepared = self.prepared.take(at) if self.prepared else None
        return Pictures(self.frames[at[:1] if prepared else at], self.hints[at], self.masks[at], prepared)


@dataclass(frozen=True)
class _Entry:
    """Where a clip lies in its shard."""

    id: str
    shard: Path
    parts: Places
    meta: Meta
    header: Header | None

    def sample(self) -> Sample:
        with self.shard.open("rb") as stream:
            data = {}
            for name in PARTS:
                stream.seek(self.parts[name][0])
                data[name] = stream.read(self.parts[name][1])
        return Sample(self.id, data, self.shard.name)

    def pictures(self, size: int, frames: Sequence[int], rest: Sequence[int]) -> Pictures:
        """Frames `frames`, and of everything else `rest`."""
        sample = self.sample()
        pictures, hints = frames_at(sample, size, frames), hints_at(sample, size, rest)
        if self.header:
            prepared = read_rows(self.shard, self.header, rest)
            return Pictures(pictures, hints, prepared.mask, prepared)
        masks = latent_mask(torch.from_numpy(masks_at(sample, size, rest)))[:, 0]
        return Pictures(pictures, hints, masks.numpy().astype(np.uint8))

    def bytes_in_memory(self, size: int) -> int:
        each = 6 * size * size + (self.header.bytes_a_frame if self.header else (size // 8) ** 2)
        return self.meta.frames * each


class Clips:
    """The clips of one split at the model's size, in order of id.

    Args:
        size: side of the pictures, at most the shards'.
        memory_mb: when all clips decoded need no more, they are decoded once, by `threads` threads, and held.
        key: of the prepared latents to use (`lcvd.model.prepare`); None reads frames instead.

    Raises:
        FileNotFoundError: the split isn't there.
        ValueError: the split is empty, a shard isn't whole, its pictures are smaller than `size`, or its prepared latents
            aren't by `key`; names the clip.
    """

    def __init__(
        self, folder: Path, split: str, *, size: int, memory_mb: int, threads: int = 1, key: Key | None = None
    ) -> None:
        self._entries = sorted(
            (entry for path in shard_paths(folder, split) for entry in _index(path, size, key)),
            key=lambda entry: entry.id,
        )
        if not self._entries:
            raise ValueError(f"{folder / split}: no clips; see the ledgers of filter, reconstruct and shard for why")
        self._size = size
        self._held: list[Pictures] = []
        if sum(entry.bytes_in_memory(size) for entry in self._entries) <= memory_mb * 1e6:
            with ThreadPoolExecutor(threads) as pool:
                self._held = list(pool.map(self._whole, self._entries))

    def __len__(self) -> int:
        """Number of clips."""
        return len(self._entries)

    def id(self, clip: int) -> str:
        """Id of a clip."""
        return self._entries[clip].id

    def length(self, clip: int) -> int:
        """Frames of a clip."""
        return self._entries[clip].meta.frames

    def pictures(self, clip: int, indices: Sequence[int]) -> Pictures:
        """The window `indices` of a clip, in that order; an index may come twice. See `Pictures.window`."""
        if self._held:
            return self._held[clip].window(indices)
        entry, at = self._entries[clip], list(indices)
        return entry.pictures(self._size, at[:1] if entry.header else at, at)

    def _whole(self, entry: _Entry) -> Pictures:
        everything = range(entry.meta.frames)
        return entry.pictures(self._size, everything, everything)


def _index(shard: Path, size: int, key: Key | None) -> list[_Entry]:
    """Entries of one shard, from its headers and its clips' metadata."""
    found: dict[str, Places] = {}
    try:
        with tarfile.open(shard) as tar:
            for member in tar:
                id, _, name = member.name.partition(".")
                found.setdefault(id, {})[name] = (member.offset_data, member.size)
    except tarfile.TarError as error:
        raise ValueError(f"{shard}: torn archive: {error}; run `dvc checkout` or `dvc repro shard`") from None
    return [_entry(shard, id, parts, size, key) for id, parts in found.items()]


def _entry(shard: Path, id: str, parts: Places, size: int, key: Key | None) -> _Entry:
    if set(parts) - {LATENTS} != set(PARTS):
        raise ValueError(f"{shard}: sample {id} holds {sorted(parts)}, expected {sorted(PARTS)}; run `dvc repro shard`")
    with shard.open("rb") as stream:
        stream.seek(parts["meta.json"][0])
        meta = Meta.of_json(stream.read(parts["meta.json"][1]))
    if meta.size < size:
        raise ValueError(
            f"{shard}: sample {id} is {meta.size} px, train.model.size asks for {size}: lower it, or raise shard.size"
        )
    try:
        header = read_header(shard, parts.get(LATENTS)) if key else None
        if header and key:
            header.check(key, Origin.of(meta, square_at(shard, parts["codes.safetensors"])))
    except ValueError as error:
        raise ValueError(f"{shard}: sample {id}: {error}") from None
    return _Entry(id, shard, parts, meta, header)
