"""Cache of downloaded media: each address is downloaded once for all clips and runs; failures are cached too."""

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, file_hash, key_of
from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.addresses import Location
from lcvd.download.fetch.disk_space import require_free_space
from lcvd.download.fetch.failures import FailureCache
from lcvd.download.fetch.http import fetch
from lcvd.download.fetch.rate_limit import HostLimiter
from lcvd.download.fetch.sites import fetch_site, is_site
from lcvd.ledger.rows import ClipError
from lcvd.ledger.tally import timed
from lcvd.video.probe import Probe, probe


@dataclass(frozen=True)
class Media:
    """A completely decodable file: its path, SHA-256 and properties."""

    path: Path
    sha256: str
    probe: Probe

    @property
    def name(self) -> str:
        """File name in the stage's output: ``<sha256[:32]>.<container>``."""
        return f"{self.sha256[:32]}.{self.probe.suffix}"


def fetch_media(address: str, location: Location, cache: Cache, settings: DownloadSettings, run: str) -> Media:
    """The cached file of an address; downloads it if needed.

    Partial data of a failed download is kept outside the cache entry for the next attempt. A file with unexpected bytes
    (another hash, or truncated although its size was right) is removed from the cache, so that the next run can
    download it.

    Raises:
        ClipError: see `fetch`, `fetch_site` and `probe`; `changed` if the hash differs from the manifest's.
        MachineError: the disk is too full, or yt-dlp is not installed.
    """
    assert location.url is not None
    scratch = cache.root.parent
    inputs = {"address": address, "max_bytes": settings.max_bytes, "allow_private": settings.allow_private}
    failures, failure_key = FailureCache(scratch / "verdicts", run), key_of(**inputs)
    part = cache.root / "partial" / key_of(address=address)
    part.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(part.with_suffix(".lock")):  # two workers may have clips of one address
        if known := failures.find(failure_key):
            raise known
        try:
            entry = cache.entry("media", key_of(address=address), lambda folder: _fetch_to(
                location, folder / "media", part, settings, scratch, run))  # fmt: skip
            return _verified(address, location, entry, cache)
        except ClipError as error:
            failures.record(failure_key, error)
            raise


def inspect(path: Path, address: str, cache: Cache, expected: tuple[str, str] | None = None) -> Media:
    """Hash and `probe` a file. The probe is cached by the hash. `address` is the file's name in errors.

    Raises:
        ClipError: see `probe`; `changed` if the file doesn't have the hash `expected` (algorithm, hexadecimal digits).
    """
    if expected and (found := file_hash(path, expected[0])) != expected[1]:
        detail = f"{address}: the file has {expected[0]} {found}, not that of the manifest"
        raise ClipError("changed", f"{detail}; rewrite the manifest if the file is right")
    digest = file_hash(path)

    def make(folder: Path) -> None:
        (folder / "probe.json").write_text(json.dumps(dataclasses.asdict(probe(path))), encoding="utf-8")

    try:
        entry = cache.entry("probe", key_of(sha256=digest, code=code_key("lcvd.video.probe")), make)
    except ClipError as error:
        raise ClipError(error.reason, error.detail.replace(path.name, address, 1)) from None
    return Media(path, digest, Probe(**json.loads((entry / "probe.json").read_text(encoding="utf-8"))))


def _fetch_to(
    location: Location, target: Path, part: Path, settings: DownloadSettings, scratch: Path, run: str
) -> None:
    url = location.url or ""
    require_free_space(scratch, settings)
    limiter = HostLimiter(scratch / "hosts", url, settings, run)
    if limiter.has_given_up():
        detail = f"{url}: skipped because {limiter.host} refused {settings.give_up_after} sources in a row"
        raise ClipError("blocked", f"{detail}; set download.cookies, increase download.pause_s, or retry later")
    with timed("fetch"):
        if location.site or (
            location.hash is None and is_site(url)
        ):  # an address with a hash is a file, even on a known site
            fetch_site(url, target, settings, part.with_suffix(".site"), limiter)
        else:
            fetch(url, target, settings, part, limiter)


def _verified(address: str, location: Location, entry: Path, cache: Cache) -> Media:
    try:
        return inspect(entry / "media", address, cache, location.hash)
    except ClipError as error:
        if error.reason not in ("changed", "truncated"):
            raise  # a new download would give the same bytes
        shutil.rmtree(entry)
        reason = "broken" if error.reason == "truncated" else error.reason
        raise ClipError(reason, error.detail) from None
