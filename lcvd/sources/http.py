"""Fetch over HTTP into a file: streamed, resumed by Range, tried again where that can help, refused where it can't."""

from __future__ import annotations

import ipaddress
import logging
import random
import socket
import time
from pathlib import Path
from urllib.parse import urljoin

import httpx

from lcvd.config.settings import DownloadSettings
from lcvd.ledger.rows import ClipError
from lcvd.sources.schemes import host_of

log = logging.getLogger(__name__)
_REDIRECTS = 5


class _Retry(Exception):
    """A failure that another try may mend."""


def fetch(url: str, target: Path, settings: DownloadSettings, pause: float = 1.0) -> None:
    """Fetch `url` into `target`. `pause` is the first back-off in seconds; it doubles with jitter.

    Raises:
        ClipError: ``dead`` (404, 410), ``blocked`` (401, 403, 429), ``private_address``, ``too_large``, or ``broken``
            after the last try (time-out, truncated body, 5xx).
    """
    jitter = random.Random(url)
    part = target.with_name(f"{target.name}.part")
    for attempt in range(settings.retries + 1):
        try:
            _once(url, part, settings)
            part.replace(target)
            return
        except (_Retry, httpx.TransportError) as error:
            reason = f"{type(error).__name__}: {error}" if isinstance(error, httpx.TransportError) else str(error)
            if attempt == settings.retries:
                raise ClipError("broken", f"{url}: {reason}, after {attempt + 1} tries") from None
            log.info("%s: %s, trying again", url, reason)
            time.sleep(pause * 2**attempt * (0.5 + jitter.random()))


def _once(url: str, part: Path, settings: DownloadSettings) -> None:
    """One try; a partial file is continued where the server can, begun anew where it can't."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with httpx.Client(timeout=settings.timeout_s, follow_redirects=False, trust_env=True) as client:
        for _ in range(_REDIRECTS + 1):
            _check_public(url, settings)
            with client.stream("GET", url, headers=headers) as response:
                if response.is_redirect:
                    url = urljoin(url, response.headers["location"])
                    if not url.startswith(("http://", "https://")):
                        raise ClipError("dead", f"{url}: redirect to something that isn't http(s)")
                    continue
                _judge(url, response, part)
                _store(response, part, have if response.status_code == 206 else 0, settings, url)
                return
    raise ClipError("dead", f"{url}: more than {_REDIRECTS} redirects")


def _judge(url: str, response: httpx.Response, part: Path) -> None:
    code = response.status_code
    if code in (404, 410):
        raise ClipError("dead", f"{url}: HTTP {code}")
    if code in (401, 403, 429):
        raise ClipError("blocked", f"{url}: HTTP {code}; the host refuses this machine, try later or fetch it by hand")
    if code == 416:
        part.unlink(missing_ok=True)
        raise _Retry("HTTP 416, the partial file didn't fit")
    if code >= 500:
        raise _Retry(f"HTTP {code}")
    if code not in (200, 206):
        raise ClipError("dead", f"{url}: HTTP {code}")


def _store(response: httpx.Response, part: Path, have: int, settings: DownloadSettings, url: str) -> None:
    length = response.headers.get("content-length")
    expected = have + int(length) if length and "content-encoding" not in response.headers else None
    size = have
    with part.open("ab" if have else "wb") as stream:
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > settings.max_bytes:
                stream.close()
                part.unlink()
                raise ClipError("too_large", f"{url}: more than {settings.max_bytes} bytes (download.max_bytes)")
            stream.write(chunk)
    if expected is not None and size < expected:
        raise _Retry(f"truncated at {size} of {expected} bytes")


def _check_public(url: str, settings: DownloadSettings) -> None:
    """Refuse addresses that resolve to this machine or its network, redirects included."""
    if settings.allow_private:
        return
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host_of(url), None)}
    except (socket.gaierror, UnicodeError) as error:
        raise _Retry(f"{host_of(url)} doesn't resolve ({error})") from None
    for address in found:
        if not ipaddress.ip_address(str(address).partition("%")[0]).is_global:
            raise ClipError("private_address", f"{url}: resolves to {address}; set download.allow_private to allow it")
