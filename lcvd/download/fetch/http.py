"""Fetch over HTTP into a file: streamed, resumed by Range, tried again where that can help, refused where it can't."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http.cookiejar import CookieJar, LoadError, MozillaCookieJar
from pathlib import Path
from urllib.parse import urljoin

import httpx

from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.disk_space import need_room
from lcvd.download.fetch.network_guard import check_address, guarded
from lcvd.download.fetch.rate_limit import Gate
from lcvd.download.fetch.retry import BACK, Blocked, Broken, asked_pause, try_again
from lcvd.errors import MachineError
from lcvd.ledger.rows import ClipError

_REDIRECTS = 5
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_PAGE = (b"<!doctype html", b"<html")


def fetch(
    url: str, target: Path, settings: DownloadSettings, part: Path | None = None, gate: Gate | None = None
) -> None:
    """Fetch `url` into `target`.

    Bytes arrive in `part` (beside `target` unless named), which outlives a failure: the next call goes on from there
    if the server still has the same file. `gate` holds all processes to the host's limits.

    Raises:
        ClipError: `dead` (404, 410 and other refusals), `blocked` (401, 403, 429, a web page instead of the file),
            `private_address`, `too_large`, or `broken` after the last try (time-out, truncated body, 5xx).
        MachineError: the disk is too full, or the cookies file can't be read.
    """
    part = part or target.with_name(f"{target.name}.part")
    cookies = read_cookies(settings)

    def once() -> None:
        try:
            with guarded(url, settings.allow_private):
                _once(url, part, settings, cookies, gate)
        except httpx.TransportError as error:
            raise Broken(f"{type(error).__name__} {error}".strip()) from None

    try_again(url, once, settings, gate)
    part.replace(target)
    _marks(part).unlink(missing_ok=True)


def read_cookies(settings: DownloadSettings) -> CookieJar | None:
    """The user's cookies, each of which goes to its own site only.

    Raises:
        MachineError: the file isn't there, or isn't in Netscape's format.
    """
    if not settings.cookies:
        return None
    jar = MozillaCookieJar(Path(settings.cookies).expanduser())
    try:
        jar.load(ignore_discard=True, ignore_expires=True)
    except (OSError, LoadError) as error:
        raise MachineError(f"download.cookies: {error}; name a cookies.txt in Netscape's format, or empty it") from None
    return jar


def _once(url: str, part: Path, settings: DownloadSettings, cookies: CookieJar | None, gate: Gate | None) -> None:
    """One try; a partial file is continued where the server can, begun anew where it can't."""
    have = part.stat().st_size if part.exists() else 0
    marks = json.loads(_marks(part).read_text()) if have and _marks(part).exists() else {}
    # Without these marks nobody could tell whether the rest belongs to the same file.
    resume = {"Range": f"bytes={have}-", "If-Range": marks["validator"]} if marks.get("validator") else {}
    headers = {"Accept-Encoding": "identity", **resume}
    here = url
    with httpx.Client(timeout=settings.timeout_s, follow_redirects=False, cookies=cookies) as client:
        for _ in range(_REDIRECTS + 1):
            check_address(here, settings.allow_private)
            with client.stream("GET", here, headers=headers) as response:
                if response.has_redirect_location:
                    here = urljoin(here, response.headers["location"])
                    continue
                _judge(url, response, part)
                _store(url, response, part, have, marks, settings, gate.spend if gate else lambda _: None)
                return
    raise ClipError("dead", f"{url}: more than {_REDIRECTS} redirects; correct the address")


def _judge(url: str, response: httpx.Response, part: Path) -> None:
    code = response.status_code
    pause = asked_pause(response.headers.get("retry-after"))
    if code in (401, 403, 429):
        raise Blocked(f"HTTP {code}, the host refuses", pause)
    if code == 416:
        part.unlink(missing_ok=True)
        raise Broken("HTTP 416, the partial file didn't fit")
    if code >= 500 or code == 408:
        raise Broken(f"HTTP {code}", pause)
    if code not in (200, 206):
        raise ClipError("dead", f"{url}: HTTP {code}; correct or remove the address{BACK}")


def _store(
    url: str, response: httpx.Response, part: Path, have: int, marks: dict[str, str], settings: DownloadSettings,
    spend: Callable[[int], None],
) -> None:  # fmt: skip
    """Append to, or begin, the partial file, and see that all of it came."""
    total = _total(response, part, have, marks)
    have = have if response.status_code == 206 else 0
    if total is not None and total > settings.max_bytes:
        raise _too_large(url, f"{total} bytes", settings)
    need_room(part.parent, settings, (total or have) - have)
    with part.open("ab" if have else "wb") as stream:
        for chunk in response.iter_raw():  # pieces of a fixed size would lose what arrived before a break
            if not have and chunk.lstrip()[:14].lower().startswith(_PAGE):
                raise Blocked("a web page came instead of a file (a login, or a check for bots?)")
            have += len(chunk)
            if have > settings.max_bytes:
                stream.close()
                part.unlink()
                raise _too_large(url, "more bytes", settings)
            stream.write(chunk)
            stream.flush()
            spend(len(chunk))
    if total is not None and have < total:
        raise Broken(f"truncated at {have} of {total} bytes")


def _total(response: httpx.Response, part: Path, have: int, marks: dict[str, str]) -> int | None:
    """Size of the whole file, where the server tells it; marks it for the next try."""
    if response.status_code == 206:
        match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
        if match is None or int(match[1]) != have or marks.get("total", match[2]) != match[2]:
            part.unlink(missing_ok=True)
            raise Broken("the server's range doesn't continue the partial file")
        return int(match[2])
    total = int(response.headers["content-length"]) if "content-length" in response.headers else None
    _marks(part).write_text(json.dumps(_marks_of(response, total)), encoding="utf-8")
    return total


def _too_large(url: str, found: str, settings: DownloadSettings) -> ClipError:
    told = f"{found}, download.max_bytes admits {settings.max_bytes}; raise it if that is meant"
    return ClipError("too_large", f"{url}: {told}")


def _marks(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _marks_of(response: httpx.Response, total: int | None) -> dict[str, str]:
    """What identifies a file on a server: a strong ETag or else its date, and its size."""
    etag = response.headers.get("etag", "")
    validator = etag if etag and not etag.startswith("W/") else response.headers.get("last-modified", "")
    return {"validator": validator} | ({} if total is None else {"total": str(total)})
