"""Stage ``download``: from manifest rows to media files and their ledger."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, file_hash, key_of, link_or_copy
from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.addresses import resolve
from lcvd.download.fetch.media_cache import check_hash, fetched, probed
from lcvd.download.manifest.row import Source
from lcvd.ledger.rows import ClipError, Row, filtered, guard, kept
from lcvd.video.probe import Probe


@dataclass(frozen=True)
class _Media:
    """A media file in place: its name below ``media``, hash, and what it holds."""

    name: str
    sha256: str
    probe: Probe


Maker = Callable[[str, Path], None]
"""Makes the clip of an address: a file ``media`` in the folder given, and beside it the folder ``truth``, what is known
about the clip. Raises ValueError for an address that it can't read."""


def download_chunk(
    sources: Sequence[Source],
    out: Path,
    cache: Cache,
    settings: DownloadSettings,
    makers: Mapping[str, Maker] = MappingProxyType({}),
    run: str | None = None,
) -> list[Row]:
    """Bring each source's bytes to ``out/media/<sha256[:32]>.<container>`` and see that all its frames decode.

    A scheme that `makers` names is made instead of fetched, and its truth is put in ``out/truth/<sha256[:32]>/``.

    One media file serves all clips of an address, and an address that fails is tried for its first clip only, over all
    calls with the same `run` (None: this call). Fetched bytes stay in the cache, so a stage that runs again fetches
    nothing again; what is dead isn't asked for again either.

    Raises:
        MachineError: the disk is too full, or an address needs a package that isn't installed.
    """
    run = run or uuid.uuid4().hex
    known: dict[tuple[str, Path], _Media | ClipError] = {}

    def row(source: Source) -> Row:
        place = source.address, source.folder
        if place not in known:
            try:
                known[place] = _media(source, out, cache, settings, makers, run)
            except ClipError as error:
                known[place] = error
        found = known[place]
        if isinstance(found, ClipError):
            raise ClipError(found.reason, found.detail)
        return _row(source, found)

    return [guard(source.id, partial(row, source), cache.journal) for source in sources]


def mark_duplicates(rows: Sequence[Row]) -> list[Row]:
    """Of rows with the same bytes, range and crop only the first by id stays; the others become `duplicate`."""
    first: dict[str, str] = {}
    marked = []
    for row in sorted(rows, key=lambda row: row.id):
        if row.status == "kept":
            content = key_of(**{name: row.fields[name] for name in ("sha256", "start", "stop", "crop")})
            if content in first:
                row = filtered(row.id, "duplicate", f"the same frames as {first[content]}", **row.fields)
            else:
                first[content] = row.id
        marked.append(row)
    return marked


def _row(source: Source, media: _Media) -> Row:
    found = media.probe
    try:
        start, stop = source.span(found.frames, found.fps, found.keys)
    except ValueError as error:
        raise ClipError("bad_range", f"{source.address}: {error}; correct start and end in the manifest") from None
    width, height, crop = found.width, found.height, None
    if source.crop:
        try:
            crop = source.crop.pixels(width, height)
        except ValueError as error:
            raise ClipError("bad_crop", f"{source.address}: {error}; correct it in the manifest") from None
        width, height = crop[2] - crop[0], crop[3] - crop[1]
    return kept(source.id, identity=source.identity, media=media.name, sha256=media.sha256, start=start, stop=stop,
                fps=found.fps, width=width, height=height, crop=list(crop) if crop else None,
                licence=source.licence, address=source.address, dataset=source.dataset)  # fmt: skip


def _media(
    source: Source, out: Path, cache: Cache, settings: DownloadSettings, makers: Mapping[str, Maker], run: str
) -> _Media:  # fmt: skip
    if maker := makers.get(source.address.partition(":")[0]):
        return _made(source, maker, out, cache)
    folder, place = out / "media", resolve(source)
    if place.path is None:
        found = fetched(source.address, place, cache, settings, run)
        name = f"{found.sha256[:32]}.{found.probe.suffix}"
        link_or_copy(found.path, folder / name)
        return _Media(name, found.sha256, found.probe)
    check_hash(place.path, place, source.address)
    digest = file_hash(place.path)
    held = probed(place.path, digest, source.address, cache)
    name = f"{digest[:32]}.{held.suffix}"
    _copy(place.path, folder / name)  # never a link: the file belongs to somebody else, who may write to it
    return _Media(name, digest, held)


def _made(source: Source, maker: Maker, out: Path, cache: Cache) -> _Media:
    key = key_of(address=source.address, code=code_key(maker.__module__))
    try:
        entry = cache.entry("made", key, partial(maker, source.address))
    except ValueError as error:
        raise ClipError("bad_address", f"{error}; correct the manifest") from None
    digest = file_hash(entry / "media")
    found = probed(entry / "media", digest, source.address, cache)
    name = f"{digest[:32]}.{found.suffix}"
    link_or_copy(entry / "media", out / "media" / name)
    for path in sorted((entry / "truth").iterdir()):
        link_or_copy(path, out / "truth" / digest[:32] / path.name)
    return _Media(name, digest, found)


def _copy(source: Path, target: Path) -> None:
    if target.exists() and target.stat().st_size == source.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, aside)
    aside.replace(target)
