"""Index of the clips in a split's shards, built by reading only headers. Damaged clips are listed separately."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray

from lcvd.errors import FileError, LcvdError, UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import head_of
from lcvd.model.masks import latent_mask
from lcvd.render.hints import hints_of
from lcvd.render.sh import check_light
from lcvd.render.warp import WarpedReference
from lcvd.shard.latents_format import (
    DamagedError,
    Header,
    Key,
    Origin,
    Prepared,
    read_header,
    read_rows,
    square_at,
    tensors_at,
)
from lcvd.shard.resize import frames_at, hints_at, masks_at
from lcvd.shard.sample import Meta, Sample, read_index, shard_paths
from lcvd.shard.tar_members import LATENTS, PARTS, members

Frames = NDArray[np.uint8]
Places = dict[str, tuple[int, int]]


class BrokenClip(LcvdError):
    """A clip's data are damaged: its shard is truncated, or a part can't be decoded."""


@dataclass(frozen=True)
class FrameData:
    """Decoded data of some frames of a clip.

    Frames and hints (n,S,S,3) uint8 RGB, masks (n,h,w) uint8 at latent size, 1 on the person, and prepared latents and face
    codes if they are used.
    """

    frames: Frames
    hints: Frames
    masks: Frames
    prepared: Prepared | None = None
    codes: FaceCodes | None = None

    def window(self, indices: Sequence[int]) -> FrameData:
        """Return the data at `indices`. With prepared latents, `frames` has only the first frame, the reference."""
        at = list(indices)
        prepared = self.prepared.take(at) if self.prepared else None
        codes = self.codes.window(at) if self.codes else None
        return FrameData(self.frames[at[:1] if prepared else at], self.hints[at], self.masks[at], prepared, codes)

    def warped_reference(self) -> Frames:
        """The first frame, the reference, warped by the face codes to each of the frames: (n,S,S,3)."""
        assert self.codes, "clips are opened with their codes"
        codes, first = self.codes, self.frames[0]
        rest = WarpedReference(head_of(codes.head), first, codes.window([0]), codes.window(range(1, codes.frames)))
        return np.concatenate([first[None], rest[:]])


@dataclass(frozen=True)
class Entry:
    """Location of a clip: offset and size in bytes of its parts in `shard`, and the `header` of its latents if used."""

    id: str
    shard: Path
    parts: Places
    meta: Meta
    header: Header | None

    def frame_data(
        self, size: int, frames: Sequence[int], rest: Sequence[int], render: bool, with_codes: bool
    ) -> FrameData:
        """Read the frames with indices `frames`, and all other data for the indices `rest`.

        `render` renders hints from the face codes instead of reading them; `with_codes` includes the codes.

        Raises:
            BrokenClip: a part can't be decoded.
        """
        try:
            sample = self._sample()
            images = frames_at(sample, size, frames)
            hints = _rendered(sample, size, rest) if render else hints_at(sample, size, rest)
            codes = sample.codes.window(list(rest)) if with_codes else None
            if self.header:
                prepared = read_rows(self.shard, self.header, rest)
                return FrameData(images, hints, prepared.mask, prepared, codes)
            masks = latent_mask(torch.from_numpy(masks_at(sample, size, rest)))[:, 0]
        except (LcvdError, IndexError, av.FFmpegError) as error:
            raise BrokenClip(f"{self.shard}: sample {self.id}: {error}") from None
        return FrameData(images, hints, masks.numpy().astype(np.uint8), codes=codes)

    def bytes_in_memory(self, size: int) -> int:
        """Return the memory in bytes that the whole decoded clip needs."""
        each = 6 * size * size + (self.header.bytes_a_frame if self.header else (size // 8) ** 2)
        return self.meta.frames * each

    def light(self) -> NDArray[np.float32]:
        """Read only the clip's mean light (9, 3) from its codes.

        Raises:
            BrokenClip: the codes can't be read.
        """
        try:
            header, data = tensors_at(self.shard, self.parts["codes.safetensors"])
            entry = header["light"]
            shape, offset = tuple(entry["shape"]), data + entry["data_offsets"][0]
            found = np.memmap(self.shard, "<f4", "r", offset, shape).mean(axis=0)
            return check_light(found)
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenClip(f"{self.shard}: sample {self.id}: codes.safetensors: {error}") from None

    def _sample(self) -> Sample:
        return Sample(self.id, {name: _read(self.shard, self.parts[name]) for name in PARTS}, self.shard.name)


def _read(shard: Path, place: tuple[int, int]) -> bytes:
    with shard.open("rb") as stream:
        stream.seek(place[0])
        return stream.read(place[1])


def _rendered(sample: Sample, size: int, frames: Sequence[int]) -> Frames:
    codes = sample.codes.window(list(frames))
    return np.concatenate(list(hints_of(head_of(codes.head), codes, size)))


def index_of(folder: Path, split: str, size: int, key: Key | None) -> tuple[dict[str, Entry], dict[str, str]]:
    """Return the entries of a split's intact clips, and the reasons of broken ones, by id. Together they are all clips.

    Raises:
        MissingFile: the split isn't there.
        ValueError: a shard holds clips that aren't listed or what `members` refuses, images are smaller than `size`, or prepared latents aren't
            there or aren't by `key`.
    """
    entries: dict[str, Entry] = {}
    broken: dict[str, str] = {}
    listed = {shard["name"]: shard["ids"] for shard in read_index(folder, split)["shards"]}
    for path in shard_paths(folder, split):
        found, torn = _members(path)
        if odd := sorted(set(found) - set(listed[path.name])):
            raise FileError(f"{path}: holds {odd[0]}, which its index doesn't list; run `dvc repro shard`")
        for id in listed[path.name]:
            try:
                entries[id] = _entry(path, id, found.get(id, {}), torn, size, key)
            except BrokenClip as error:
                broken[id] = f"{path}: sample {id}: {error}"
            except LcvdError as error:
                raise FileError(f"{path}: sample {id}: {error}") from None
    return entries, broken


def _members(shard: Path) -> tuple[dict[str, Places], str]:
    """Return the locations of an archive's complete members by clip, and a description if the archive is truncated."""
    found: dict[str, Places] = {}
    end = shard.stat().st_size
    try:
        for member in members(shard):
            id, _, name = member.name.partition(".")
            if member.offset_data + member.size <= end:
                found.setdefault(id, {})[name] = (member.offset_data, member.size)
    except FileError as error:
        raise FileError(f"{shard}: {error}") from None
    except tarfile.TarError as error:
        return found, f"truncated archive ({error})"
    return found, ""


def _entry(shard: Path, id: str, parts: Places, torn: str, size: int, key: Key | None) -> Entry:
    if missing := sorted(set(PARTS) - set(parts)):
        raise BrokenClip(f"{torn or 'it'} lacks {', '.join(missing)}; run `dvc checkout` or `dvc repro shard`")
    try:
        meta = Meta.of_json(_read(shard, parts["meta.json"]))
        square = square_at(shard, parts["codes.safetensors"]) if key else []
    except ValueError as error:
        raise BrokenClip(f"meta.json or codes.safetensors: {error}") from None
    if meta.size < size:
        raise UsageError(f"{meta.size} px, below train.model.size ({size}): lower it, or raise shard.size")
    if not key:
        return Entry(id, shard, parts, meta, None)
    if torn and LATENTS not in parts:
        raise BrokenClip(f"{torn} lacks {LATENTS}; run `dvc checkout` or `dvc repro shard`")
    try:
        header = read_header(shard, parts.get(LATENTS))
    except DamagedError as error:
        raise BrokenClip(str(error)) from None
    header.check(key, Origin.of(meta, square))
    return Entry(id, shard, parts, meta, header)
