"""Stage ``download``: from manifest rows to media files and their ledger."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock

from lcvd.cache.imports import rooms_hash
from lcvd.cache.store import Cache, file_hash, key_of, link_or_copy
from lcvd.config.settings import DownloadSettings
from lcvd.ledger.rows import ClipError, Row, filtered, guard, kept
from lcvd.sources.http import fetch
from lcvd.sources.rows import Source
from lcvd.sources.schemes import Place, resolve
from lcvd.video.probe import Probe, probe


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
) -> list[Row]:
    """Bring each source's bytes to ``out/media/<sha256[:32]>.<container>`` and see that all its frames decode.

    A scheme that `makers` names is made instead of fetched, and its truth is put in ``out/truth/<sha256[:32]>/``.

    One media file serves all clips of an address, and an address that fails is tried for its first clip only. Fetched
    bytes stay in the cache, so a stage that runs again fetches nothing again.
    """
    known: dict[tuple[str, Path], _Media | ClipError] = {}

    def row(source: Source) -> Row:
        place = source.address, source.folder
        if place not in known:
            try:
                known[place] = _media(source, out, cache, settings, makers)
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


def _media(source: Source, out: Path, cache: Cache, settings: DownloadSettings, makers: Mapping[str, Maker]) -> _Media:
    if maker := makers.get(source.address.partition(":")[0]):
        return _made(source, maker, out, cache)
    folder, place = out / "media", resolve(source)
    path = place.path or _fetched(source, place, cache, settings)
    digest = file_hash(path)
    if place.hash and (found := file_hash(path, place.hash[0])) != place.hash[1]:
        told = f"its bytes have the {place.hash[0]} {found}"
        raise ClipError("changed", f"{source.address}: {told}; write the manifest again if they are right")
    probed = _probed(path, digest, source.address, cache)
    name = f"{digest[:32]}.{probed.suffix}"
    if place.path:
        _copy(path, folder / name)  # never a link: the file belongs to somebody else, who may write to it
    else:
        link_or_copy(path, folder / name)
    return _Media(name, digest, probed)


def _made(source: Source, maker: Maker, out: Path, cache: Cache) -> _Media:
    key = key_of(address=source.address, code=rooms_hash(maker.__module__))
    try:
        entry = cache.entry("made", key, partial(maker, source.address))
    except ValueError as error:
        raise ClipError("bad_address", f"{error}; correct the manifest") from None
    digest = file_hash(entry / "media")
    found = _probed(entry / "media", digest, source.address, cache)
    name = f"{digest[:32]}.{found.suffix}"
    link_or_copy(entry / "media", out / "media" / name)
    for path in sorted((entry / "truth").iterdir()):
        link_or_copy(path, out / "truth" / digest[:32] / path.name)
    return _Media(name, digest, found)


def _fetched(source: Source, place: Place, cache: Cache, settings: DownloadSettings) -> Path:
    """The cache's file of an address. What arrived before a failure waits outside the entry for the next try."""
    assert place.url is not None
    key = key_of(address=source.address)
    part = cache.root / "partial" / key
    part.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(part.with_suffix(".lock")):  # two chunks may hold clips of one address
        make: Callable[[Path], None] = lambda entry: fetch(place.url or "", entry / "media", settings, part)  # noqa: E731
        return cache.entry("media", key, make) / "media"


def _probed(path: Path, digest: str, address: str, cache: Cache) -> Probe:
    """`probe`, once for the same bytes."""

    def make(folder: Path) -> None:
        (folder / "probe.json").write_text(json.dumps(dataclasses.asdict(probe(path))), encoding="utf-8")

    try:
        entry = cache.entry("probe", key_of(sha256=digest, code=rooms_hash("lcvd.video.probe")), make)
    except ClipError as error:
        raise ClipError(error.reason, error.detail.replace(path.name, address, 1)) from None
    return Probe(**json.loads((entry / "probe.json").read_text(encoding="utf-8")))


def _copy(source: Path, target: Path) -> None:
    if target.exists() and target.stat().st_size == source.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, aside)
    aside.replace(target)
