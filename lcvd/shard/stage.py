"""Stage ``shard``: build the sample of each clip (cached), and pack the samples into tar shards per split."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, key_of
from lcvd.config.shard import ShardSettings
from lcvd.errors import MissingFile
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import head_of
from lcvd.face.square import resize_masks, square_pictures
from lcvd.ledger.rows import ClipError, Row, guard, kept
from lcvd.reconstruct.archive import CODES, MASK, Packs
from lcvd.render.hints import hints_of
from lcvd.shard.latents_format import KIND as PREPARED
from lcvd.shard.sample import LATENTS, Meta, Sample
from lcvd.shard.split import SPLITS, Splits, split_clips
from lcvd.shard.write import write_shards
from lcvd.video.clip import Clip
from lcvd.video.decode import frames
from lcvd.video.encode import read_lossless, write_h264, write_lossless

KIND = "sample"
WINDOW = 16
GOP, TUNE = 4, "fastdecode"
"""Encoding for random access to single frames in training. With x264's defaults, decoding a frame takes four times as long
and files are a third smaller."""
CACHED = ("frames.mp4", "hints.mkv", MASK, CODES)


def shard_chunk(clips: Sequence[Clip], reconstruct: Path, cache: Cache, settings: ShardSettings) -> list[Row]:
    """Build the samples of clips from the codes and masks of stage `reconstruct` in folder `reconstruct`. One row per clip.

    Fields of a kept row: the sample's metadata, ``bytes``, and ``key``, the cache key for `load_sample`.
    """
    packs = Packs(reconstruct)
    return [guard(clip.id, partial(_sample_row, clip, packs, cache, settings), cache.journal) for clip in clips]


def pack_samples(rows: Sequence[Row], cache: Cache, out: Path, settings: ShardSettings) -> list[Row]:
    """Write the kept samples, including prepared latents, to ``out/<split>/*.tar`` with an index, and ``out/splits.json``.

    Returns the stage's ledger rows in the given order. Kept rows get ``split`` and ``shard`` (joined by ``+`` for a clip in
    two splits) instead of the cache keys; others are unchanged.

    Raises:
        UsageError: no row was kept.
        MissingFile: a sample is no longer in the cache.
    """
    good = {row.id: row for row in rows if row.status == "kept"}
    splits = split_clips(
        {id: str(row.fields["identity"]) for id, row in good.items()}, settings.test_share, settings.val_share
    )
    shards = {
        split: write_shards(
            out,
            split,
            splits.ids(split),
            partial(_load, good, split, cache),
            settings.max_shard_mb,
        )
        for split in SPLITS
    }
    _write_splits(out / "splits.json", splits, good)
    return [_packed(row, splits, shards) if row.id in good else row for row in rows]


def _sample_row(clip: Clip, packs: Packs, cache: Cache, settings: ShardSettings) -> Row:
    parts = {name: packs.part(clip.id, name) for name in (CODES, MASK)}
    key = key_of(
        clip=clip.content(),
        fps=clip.fps,
        codes=hashlib.sha256(parts[CODES]).hexdigest(),
        mask=hashlib.sha256(parts[MASK]).hexdigest(),
        size=settings.size,
        crf=settings.crf,
        code=code_key(__name__),
    )
    codes = FaceCodes.of_bytes(parts[CODES], clip.id)
    folder = cache.entry(KIND, key, lambda folder: _make(folder, clip, codes, parts, settings))
    size = sum((folder / name).stat().st_size for name in CACHED)
    names = ("identity", "fps", "licence", "address", "sha256", "start", "dataset")
    meta: dict[str, Any] = {name: getattr(clip, name) for name in names}
    return kept(clip.id, **meta, frames=codes.frames, size=settings.size, bytes=size, key=key)


def _make(folder: Path, clip: Clip, codes: FaceCodes, parts: dict[str, bytes], settings: ShardSettings) -> None:
    """Fill a cache entry. The source is decoded once, one window at a time."""
    size = settings.size
    square = np.asarray(codes.square)
    images = (square_pictures(window, square, size) for window in frames(clip, WINDOW, codes.frames))
    written = write_h264(folder / "frames.mp4", images, clip.fps, settings.crf, gop=GOP, tune=TUNE)
    if written != codes.frames:
        raise ClipError(
            "inconsistent", f"{clip.media.name}: {written} frames were decoded, but its codes have {codes.frames}"
        )
    head = head_of(codes.head)
    write_lossless(folder / "hints.mkv", hints_of(head, codes, size, window=WINDOW), clip.fps)
    write_lossless(folder / "mask.mkv", _masks(clip.id, parts[MASK], codes.frames, size), clip.fps)
    (folder / CODES).write_bytes(parts[CODES])


def _masks(id: str, mask: bytes, count: int, size: int) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, count, WINDOW):
        try:
            yield resize_masks(read_lossless(mask, range(start, min(start + WINDOW, count))), size)
        except IndexError as error:
            raise ClipError("inconsistent", f"mask of {id}: {error}; its codes have {count} frames") from None


def load_sample(row: Row, split: str, cache: Cache) -> Sample:
    """Load the sample of a kept row from the cache, with prepared latents if the row has a ``latents`` key.

    Raises:
        MissingFile: it is no longer in the cache.
    """

    def missing(folder: Path) -> None:
        raise MissingFile(f"the sample of clip {row.id} is no longer in {cache.root}; run `dvc repro shard` again")

    folder = cache.entry(KIND, str(row.fields["key"]), missing)
    names = {name: row.fields[name] for name in Meta.__dataclass_fields__ if name not in ("id", "split")}
    parts = {name: (folder / name).read_bytes() for name in CACHED}
    if "latents" in row.fields:
        parts[LATENTS] = (cache.entry(PREPARED, str(row.fields["latents"]), missing) / LATENTS).read_bytes()
    return Sample(row.id, parts | {"meta.json": Meta(id=row.id, split=split, **names).to_json()}, str(folder))


def _load(rows: dict[str, Row], split: str, cache: Cache, id: str) -> Sample:
    return load_sample(rows[id], split, cache)


def _packed(row: Row, splits: Splits, shards: dict[str, dict[str, str]]) -> Row:
    fields: dict[str, Any] = {name: value for name, value in row.fields.items() if name not in ("key", "latents")}
    names = splits.of[row.id]
    return kept(
        row.id, row.score, **fields, split="+".join(names), shard="+".join(shards[name][row.id] for name in names)
    )


def _write_splits(path: Path, splits: Splits, rows: dict[str, Row]) -> None:
    identities: dict[str, list[str]] = {}
    for id, row in sorted(rows.items()):
        known = identities.setdefault(str(row.fields["identity"]), [])
        known += [name for name in splits.of[id] if name not in known]
    found = {"shared": splits.shared, "same_clips": splits.same_clips, "identities": identities}
    clips = {id: list(names) for id, names in splits.of.items()}
    path.write_text(json.dumps(found | {"clips": clips}, sort_keys=True, indent=1) + "\n", encoding="utf-8")
