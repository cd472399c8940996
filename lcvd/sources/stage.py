"""Stage ``download``: from manifest rows to media files and their ledger."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lcvd.cache.imports import rooms_hash
from lcvd.cache.store import Cache, file_hash, key_of, link_or_copy
from lcvd.config.settings import DownloadSettings
from lcvd.ledger.rows import ClipError, Row, filtered, guard, kept
from lcvd.sources.http import fetch
from lcvd.sources.manifest import Source
from lcvd.sources.schemes import resolve
from lcvd.video.decode import Probe, probe


def download_chunk(sources: Sequence[Source], out: Path, cache: Cache, settings: DownloadSettings) -> list[Row]:
    """Bring each source's bytes to ``out/media/<sha256[:32]>.<container>`` and check that all its frames decode.

    One media file serves all clips of a source. Fetched bytes are kept in the cache by address, so a stage that runs
    again fetches nothing again.
    """
    return [guard(source.id, partial(_download, source, out, cache, settings), cache.journal) for source in sources]


def mark_duplicates(rows: Sequence[Row]) -> list[Row]:
    """Of rows with the same bytes, range and crop only the first by id stays; the others become ``duplicate``."""
    first: dict[str, str] = {}
    marked = []
    for row in sorted(rows, key=lambda row: row.id):
        if row.status == "kept":
            content = key_of(**{name: row.fields[name] for name in ("sha256", "start", "stop", "crop")})
            if content in first:
                detail = f"the same frames as {first[content]}"
                row = filtered(row.id, "duplicate", detail, **row.fields)
            else:
                first[content] = row.id
        marked.append(row)
    return marked


def _download(source: Source, out: Path, cache: Cache, settings: DownloadSettings) -> Row:
    path = _local(source, cache, settings)
    digest = file_hash(path)
    found = _probe(path, digest, cache)
    media = f"{digest[:32]}.{found.suffix}"
    try:
        start, stop = source.span(found.frames, found.fps)
    except ValueError as error:
        raise ClipError("bad_range", f"{source.address}: {error}") from None
    width, height = found.width, found.height
    if source.crop:
        x0, y0, x1, y1 = source.crop
        if x1 > width or y1 > height:
            raise ClipError("bad_crop", f"{source.address}: crop {source.crop} leaves the {width}x{height} picture")
        width, height = x1 - x0, y1 - y0
    link_or_copy(path, out / "media" / media)
    return kept(source.id, identity=source.identity, media=media, sha256=digest, start=start, stop=stop, fps=found.fps,
                width=width, height=height, crop=list(source.crop) if source.crop else None, licence=source.licence,
                address=source.address)  # fmt: skip


def _local(source: Source, cache: Cache, settings: DownloadSettings) -> Path:
    """A file with the source's bytes, checked against the manifest's hash: the file itself, or a cache entry.

    What is fetched, or named with its hash, is kept in the cache; a plain local file is read where it is, so that a
    change of it is seen.
    """
    digest = _named(source)
    if digest is None and not source.address.startswith(("http:", "https:")):
        path = resolve(source).path
        assert path is not None
        return path
    key = key_of(sha256=digest) if digest else key_of(address=source.address)
    return cache.entry("media", key, partial(_bring, source, settings, cache.root / "partial" / key)) / "media"


def _bring(source: Source, settings: DownloadSettings, partly: Path, folder: Path) -> None:
    """Fill a cache entry; `partly` is where an interrupted fetch is kept, so that the next run continues it."""
    place = resolve(source)
    target = folder / "media"
    if place.url:
        partly.parent.mkdir(parents=True, exist_ok=True)
        fetch(place.url, partly, settings)
        partly.replace(target)
    else:
        assert place.path is not None
        shutil.copyfile(place.path, target)
    if place.sha256 and (found := file_hash(target)) != place.sha256:
        raise ClipError("changed", f"{source.address}: its bytes have the hash {found}; write the manifest again if "
                                   "that is meant")  # fmt: skip


def _named(source: Source) -> str | None:
    for mark in ("?sha256=", "#sha256="):
        if mark in source.address:
            return source.address.partition(mark)[2]
    return None


def _probe(path: Path, digest: str, cache: Cache) -> Probe:
    import json

    def make(folder: Path) -> None:
        (folder / "probe.json").write_text(json.dumps(dataclasses.asdict(probe(path))), encoding="utf-8")

    return Probe(**json.loads((cache.entry("probe", key_of(sha256=digest, code=rooms_hash("lcvd.video.decode")), make) / "probe.json").read_text()))
