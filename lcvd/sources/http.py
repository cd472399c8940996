"""Fetch over HTTP into a file: streamed, resumed by Range, tried again where that can help, refused where it can't."""

from __future__ import annotations

import json
import logging
import random
import re
import time
from pathlib import Path
from urllib.parse import urljoin

import httpx

from lcvd.config.settings import DownloadSettings
from lcvd.ledger.rows import ClipError
from lcvd.sources.private import check_address, check_peer

log = logging.getLogger(__name__)
_REDIRECTS = 5
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class _Retry(Exception):
    """A failure that another try may mend."""


def fetch(url: str, target: Path, settings: DownloadSettings, part: Path | None = None, pause: float = 1.0) -> None:
    """Fetch `url` into `target`.

    Bytes arrive in `part` (beside `target` unless named), which outlives a failure: the next call goes on from there
    if the server still has the same file. `pause` is the first back-off in seconds; it doubles, with jitter.

    Raises:
        ClipError: `dead` (404, 410 and other refusals), `blocked` (401, 403, 429), `private_address`, `too_large`, or
            `broken` after the last try (time-out, truncated body, 5xx).
    """
    part = part or target.with_name(f"{target.name}.part")
    jitter = random.Random(url)
    for attempt in range(settings.retries + 1):
        try:
            _once(url, part, settings)
            part.replace(target)
            _marks(part).unlink(missing_ok=True)
            return
        except (_Retry, httpx.TransportError) as error:
            reason = str(error) if isinstance(error, _Retry) else _told(error)
            if attempt == settings.retries:
                raise ClipError("broken", f"{url}: {reason}, after {attempt + 1} tries; try later") from None
            log.info("%s: %s, trying again", url, reason)
            time.sleep(pause * 2**attempt * (0.5 + jitter.random()))


def _once(url: str, part: Path, settings: DownloadSettings) -> None:
    """One try; a partial file is continued where the server can, begun anew where it can't."""
    have = part.stat().st_size if part.exists() else 0
    marks = json.loads(_marks(part).read_text()) if have and _marks(part).exists() else {}
    # Without these marks nobody could tell whether the rest belongs to the same file.
    resume = {"Range": f"bytes={have}-", "If-Range": marks["validator"]} if marks.get("validator") else {}
    headers = {"Accept-Encoding": "identity", **resume}
    here = url
    with httpx.Client(timeout=settings.timeout_s, follow_redirects=False) as client:
        for _ in range(_REDIRECTS + 1):
            check_address(here, settings.allow_private)
            with client.stream("GET", here, headers=headers) as response:
                check_peer(here, response, settings.allow_private)
                if response.has_redirect_location:
                    here = urljoin(here, response.headers["location"])
                    continue
                _judge(url, response, part)
                _store(url, response, part, have, marks, settings.max_bytes)
                return
    raise ClipError("dead", f"{url}: more than {_REDIRECTS} redirects; correct the address")


def _judge(url: str, response: httpx.Response, part: Path) -> None:
    code = response.status_code
    if code in (401, 403, 429):
        raise ClipError("blocked", f"{url}: HTTP {code}, the host refuses; fetch it by hand, or later")
    if code == 416:
        part.unlink(missing_ok=True)
        raise _Retry("HTTP 416, the partial file didn't fit")
    if code >= 500 or code == 408:
        raise _Retry(f"HTTP {code}")
    if code not in (200, 206):
        raise ClipError("dead", f"{url}: HTTP {code}; correct or remove the address")


def _store(url: str, response: httpx.Response, part: Path, have: int, marks: dict[str, str], limit: int) -> None:
    """Append to, or begin, the partial file, and see that all of it came."""
    total = None
    if response.status_code == 206:
        match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
        if match is None or int(match[1]) != have or marks.get("total", match[2]) != match[2]:
            part.unlink(missing_ok=True)
            raise _Retry("the server's range doesn't continue the partial file")
        total = int(match[2])
    else:
        have = 0
        if "content-length" in response.headers:
            total = int(response.headers["content-length"])
        _marks(part).write_text(json.dumps(_marks_of(response, total)), encoding="utf-8")
    if total is not None and total > limit:
        raise ClipError(
            "too_large", f"{url}: {total} bytes, download.max_bytes admits {limit}; raise it if that is meant"
        )
    with part.open("ab" if have else "wb") as stream:
        for chunk in response.iter_raw():  # pieces of a fixed size would lose what arrived before a break
            have += len(chunk)
            if have > limit:
                stream.close()
                part.unlink()
                raise ClipError(
                    "too_large", f"{url}: more than download.max_bytes ({limit}); raise it if that is meant"
                )
            stream.write(chunk)
            stream.flush()
    if total is not None and have < total:
        raise _Retry(f"truncated at {have} of {total} bytes")


def _marks(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _marks_of(response: httpx.Response, total: int | None) -> dict[str, str]:
    """What identifies a file on a server: a strong ETag or else its date, and its size."""
    etag = response.headers.get("etag", "")
    validator = etag if etag and not etag.startswith("W/") else response.headers.get("last-modified", "")
    return {"validator": validator} | ({} if total is None else {"total": str(total)})


def _told(error: httpx.TransportError) -> str:
    return f"{type(error).__name__} {error}".strip()
