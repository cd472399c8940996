"""The bytes of an address: fetched once for all clips and runs, whole and decodable, or a verdict."""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, file_hash, key_of
from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.addresses import Place
from lcvd.download.fetch.disk_space import need_room
from lcvd.download.fetch.failures import Verdicts
from lcvd.download.fetch.http import fetch
from lcvd.download.fetch.rate_limit import Gate
from lcvd.download.fetch.sites import fetch_site, is_site
from lcvd.ledger.rows import ClipError
from lcvd.ledger.tally import timed
from lcvd.video.probe import Probe, probe


@dataclass(frozen=True)
class Fetched:
    """A file that was decoded from beginning to end: where it lies, its SHA-256, what it holds."""

    path: Path
    sha256: str
    probe: Probe


def fetched(address: str, place: Place, cache: Cache, settings: DownloadSettings, run: str) -> Fetched:
    """The cache's file of an address that is fetched.

    What arrived before a failure waits outside the entry for the next try. A file whose bytes aren't those promised (cut
    though its length was right, another hash) leaves the cache again, so that the next run can fetch it.

    Raises:
        ClipError: see `fetch`, `fetch_site` and `probe`; `changed` where the manifest's hash differs.
        MachineError: the disk is too full, or yt-dlp isn't installed.
    """
    assert place.url is not None
    scratch = cache.root.parent
    deciding = {"address": address, "max_bytes": settings.max_bytes, "allow_private": settings.allow_private}
    verdicts, verdict = Verdicts(scratch / "verdicts", run), key_of(**deciding)
    part = cache.root / "partial" / key_of(address=address)
    part.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(part.with_suffix(".lock")):  # two workers may hold clips of one address
        if known := verdicts.find(verdict):
            raise known
        try:
            entry = cache.entry("media", key_of(address=address), lambda folder: _fetch(
                place, folder / "media", part, settings, scratch, run))  # fmt: skip
            return _checked(address, place, entry, cache)
        except ClipError as error:
            verdicts.note(verdict, error)
            raise


def probed(path: Path, digest: str, address: str, cache: Cache) -> Probe:
    """`probe`, once for the same bytes; `address` names the file in errors."""

    def make(folder: Path) -> None:
        (folder / "probe.json").write_text(json.dumps(dataclasses.asdict(probe(path))), encoding="utf-8")

    try:
        entry = cache.entry("probe", key_of(sha256=digest, code=code_key("lcvd.video.probe")), make)
    except ClipError as error:
        raise ClipError(error.reason, error.detail.replace(path.name, address, 1)) from None
    return Probe(**json.loads((entry / "probe.json").read_text(encoding="utf-8")))


def check_hash(path: Path, place: Place, address: str) -> None:
    """Raise a ClipError `changed` where the bytes aren't those that the manifest names."""
    if place.hash and (found := file_hash(path, place.hash[0])) != place.hash[1]:
        told = f"its bytes have the {place.hash[0]} {found}"
        raise ClipError("changed", f"{address}: {told}; write the manifest again if they are right")


def _fetch(place: Place, target: Path, part: Path, settings: DownloadSettings, scratch: Path, run: str) -> None:
    url = place.url or ""
    need_room(scratch, settings)
    gate = Gate(scratch / "hosts", url, settings, run)
    if gate.closed():
        told = f"{gate.host} refused {settings.give_up_after} sources in a row and wasn't asked any more"
        raise ClipError(
            "blocked", f"{url}: {told}; download.cookies may help, or a longer download.pause_s, or a later day"
        )
    with timed("fetch"):
        if place.site or (place.hash is None and is_site(url)):  # what has a hash is a file, whoever keeps it
            fetch_site(url, target, settings, part.with_suffix(".site"), gate)
        else:
            fetch(url, target, settings, part, gate)


def _checked(address: str, place: Place, entry: Path, cache: Cache) -> Fetched:
    path = entry / "media"
    try:
        check_hash(path, place, address)
        digest = file_hash(path)
        return Fetched(path, digest, probed(path, digest, address, cache))
    except ClipError as error:
        if error.reason not in ("changed", "truncated"):
            raise  # these bytes will be the same tomorrow
        shutil.rmtree(entry)
        reason = "broken" if error.reason == "truncated" else error.reason
        raise ClipError(reason, error.detail) from None
