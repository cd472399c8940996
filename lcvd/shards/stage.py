"""Stage ``shard``: from face codes to training samples in WebDataset shards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from lcvd.cache.imports import rooms_hash
from lcvd.cache.store import Cache, file_hash, key_of, link_or_copy
from lcvd.config.settings import ShardSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.head import load_head
from lcvd.ledger.rows import Row, guard, kept
from lcvd.shading.hints import hints_of
from lcvd.shards.sample import SampleError
from lcvd.shards.split import SPLITS, split_identities
from lcvd.shards.write import write_shards
from lcvd.video.clip import Clip
from lcvd.video.decode import frames
from lcvd.video.encode import read_lossless, write_h264, write_lossless

_WINDOW = 64


def shard_chunk(clips: Sequence[Clip], reconstruct: Path, cache: Cache, settings: ShardSettings) -> list[Row]:
    """Make each clip's sample in the cache; the row's ``sample`` is its key there. Clips are cut to their kept range."""
    return [guard(clip.id, partial(_make, clip, reconstruct, cache, settings), cache.journal) for clip in clips]


def pack_samples(rows: Sequence[Row], cache: Cache, out: Path, settings: ShardSettings) -> list[Row]:
    """Write the shards of all kept rows, and ``splits.json``; returns the rows of the stage's ledger.

    Raises:
        SampleError: a sample isn't in the cache any more.
    """
    samples = {row.id: row for row in rows if row.status == "kept"}
    splits = split_identities((row.fields["identity"] for row in samples.values()), settings)
    where: dict[str, dict[str, str]] = {}
    for split in SPLITS:
        members = {id: _folder(cache, row) for id, row in samples.items() if split in splits.of[row.fields["identity"]]}
        if members:
            where[split] = write_shards(members, out, split, settings.max_shard_mb)
    summary = {
        "shared": splits.shared,
        "identities": {name: list(names) for name, names in sorted(splits.of.items())},
        "clips": {split: sorted(ids) for split, ids in where.items()},
    }
    (out / "splits.json").write_text(json.dumps(summary, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return [row if row.status != "kept" else _placed(row, where) for row in rows]


def _placed(row: Row, where: dict[str, dict[str, str]]) -> Row:
    shards = {split: ids[row.id] for split, ids in where.items() if row.id in ids}
    fields = {name: value for name, value in row.fields.items() if name != "sample"}
    return kept(row.id, **fields, split=sorted(shards), shards=shards)


def _folder(cache: Cache, row: Row) -> Path:
    key = row.fields["sample"]

    def gone(_: Path) -> None:
        raise SampleError(f"sample of {row.id} isn't in {cache.root} any more; run `dvc repro shard` again")

    return cache.entry("sample", key, gone)


def _make(clip: Clip, reconstruct: Path, cache: Cache, settings: ShardSettings) -> Row:
    codes_file, mask_file = reconstruct / "codes" / f"{clip.id}.safetensors", reconstruct / "masks" / f"{clip.id}.mkv"
    meta = {"id": clip.id, "identity": clip.identity, "licence": clip.licence, "address": clip.address, "fps": clip.fps,
            "frames": clip.frames, "size": settings.size, "sha256": clip.sha256, "start": clip.start}  # fmt: skip
    key = key_of(
        clip=clip.content(), meta=meta, codes=file_hash(codes_file), mask=file_hash(mask_file), crf=settings.crf,
        code=rooms_hash(__name__),
    )  # fmt: skip

    def make(folder: Path) -> None:
        codes = FaceCodes.load(codes_file)
        if codes.frames != clip.frames:
            raise SampleError(f"{codes_file.name}: {codes.frames} frames of codes, the clip has {clip.frames}")
        write_h264(folder / "frames.mp4", _squares(clip, codes, settings.size), clip.fps, settings.crf, gop=8)
        write_lossless(folder / "hints.mkv", hints_of(load_head(codes.head), codes, settings.size), clip.fps)
        write_lossless(folder / "mask.mkv", _masks(mask_file, clip.frames, settings.size), clip.fps)
        link_or_copy(codes_file, folder / "codes.safetensors")
        (folder / "meta.json").write_text(json.dumps(meta, sort_keys=True), encoding="utf-8")

    cache.entry("sample", key, make)
    return kept(clip.id, identity=clip.identity, frames=clip.frames, sample=key)


def _squares(clip: Clip, codes: FaceCodes, size: int) -> Iterator[np.ndarray]:
    x0, y0, side = (int(value) for value in codes.square)
    rule = cv2.INTER_AREA if size < side else cv2.INTER_CUBIC
    for window in frames(clip, _WINDOW):
        cut = window[:, y0 : y0 + side, x0 : x0 + side]
        yield np.stack([cv2.resize(image, (size, size), interpolation=rule) for image in cut])


def _masks(path: Path, count: int, size: int) -> Iterator[np.ndarray]:
    """Binarised, then brought to `size` by nearest neighbour (spec A6's recommendation)."""
    for start in range(0, count, _WINDOW):
        window = read_lossless(path, range(start, min(start + _WINDOW, count)))
        binary = np.where(window > 127, 255, 0).astype(np.uint8)
        yield np.stack([cv2.resize(image, (size, size), interpolation=cv2.INTER_NEAREST) for image in binary])
