"""Stage ``download``: turn manifest rows into media files and a ledger."""

import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from lcvd.cache.atomic import written_whole
from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, key_of, link_or_copy
from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.addresses import resolve
from lcvd.download.fetch.media_cache import Media, fetch_media, inspect
from lcvd.download.manifest.row import Source
from lcvd.errors import UsageError
from lcvd.ledger.rows import ClipError, Row, filtered, guard, kept

Renderer = Callable[[str, Path], None]
"""Renders the clip of an address into a folder: the file ``media``, and the folder ``truth`` with its ground truth.
Raises ValueError for an invalid address."""


def download_chunk(
    sources: Sequence[Source],
    out: Path,
    cache: Cache,
    settings: DownloadSettings,
    renderers: Mapping[str, Renderer] = MappingProxyType({}),
    run: str | None = None,
) -> list[Row]:
    """Store the bytes of each source in ``out/media/<sha256[:32]>.<container>`` and check that all frames decode.

    Addresses with a scheme in `renderers` are rendered instead of downloaded; their ground truth is stored in
    ``out/truth/<sha256[:32]>/``. All clips of an address share one media file. A failed address is tried once per `run`
    (None: this call), for its first clip. Downloaded bytes stay in the cache, so a repeated run downloads nothing
    again; dead addresses are not requested again either.

    Raises:
        MachineError: the disk is too full, or an address needs a package that is not installed.
    """
    run = run or uuid.uuid4().hex
    known: dict[tuple[str, Path], Media | ClipError] = {}

    def row(source: Source) -> Row:
        location = source.address, source.folder
        if location not in known:
            try:
                known[location] = _media(source, out, cache, settings, renderers, run)
            except ClipError as error:
                known[location] = error
        media = known[location]
        if isinstance(media, ClipError):
            raise ClipError(media.reason, media.detail)
        return _row(source, media)

    return [guard(source.id, partial(row, source), cache.journal) for source in sources]


def mark_duplicates(rows: Sequence[Row]) -> list[Row]:
    """Mark rows with the same bytes, range and crop as `duplicate`, except the first by id."""
    first: dict[str, str] = {}
    marked = []
    for row in sorted(rows, key=lambda row: row.id):
        if row.status == "kept":
            content = key_of(**{name: row.fields[name] for name in ("sha256", "start", "stop", "crop")})
            if content in first:
                row = filtered(row.id, "duplicate", f"same frames as {first[content]}", **row.fields)
            else:
                first[content] = row.id
        marked.append(row)
    return marked


def _row(source: Source, media: Media) -> Row:
    probe = media.probe
    try:
        start, stop = source.frame_range(probe.frames, probe.fps, probe.keys)
    except UsageError as error:
        raise ClipError("bad_range", f"{source.address}: {error}; correct start and end in the manifest") from None
    width, height, crop = probe.width, probe.height, None
    if source.crop:
        try:
            crop = source.crop.pixels(width, height)
        except UsageError as error:
            raise ClipError("bad_crop", f"{source.address}: {error}; correct it in the manifest") from None
        width, height = crop[2] - crop[0], crop[3] - crop[1]
    return kept(source.id, identity=source.identity, media=media.name, sha256=media.sha256, start=start, stop=stop,
                fps=probe.fps, width=width, height=height, crop=list(crop) if crop else None,
                licence=source.licence, address=source.address, dataset=source.dataset)  # fmt: skip


def _media(
    source: Source, out: Path, cache: Cache, settings: DownloadSettings, renderers: Mapping[str, Renderer], run: str
) -> Media:  # fmt: skip
    if renderer := renderers.get(source.address.partition(":")[0]):
        return _render_media(source, renderer, out, cache)
    location = resolve(source)
    if location.path is None:
        media = fetch_media(source.address, location, cache, settings, run)
        link_or_copy(media.path, out / "media" / media.name)
    else:
        media = inspect(location.path, source.address, cache, location.hash)
        _copy(media.path, out / "media" / media.name)  # not a link, because the user may modify the original
    return media


def _render_media(source: Source, renderer: Renderer, out: Path, cache: Cache) -> Media:
    key = key_of(address=source.address, code=code_key(renderer.__module__))
    try:
        entry = cache.entry("made", key, partial(renderer, source.address))
    except UsageError as error:
        raise ClipError("bad_address", f"{error}; correct the manifest") from None
    media = inspect(entry / "media", source.address, cache)
    link_or_copy(media.path, out / "media" / media.name)
    for path in sorted((entry / "truth").iterdir()):
        link_or_copy(path, out / "truth" / media.sha256[:32] / path.name)
    return media


def _copy(source: Path, target: Path) -> None:
    if target.exists() and target.stat().st_size == source.stat().st_size:
        return
    with written_whole(target) as temporary:
        shutil.copyfile(source, temporary)
