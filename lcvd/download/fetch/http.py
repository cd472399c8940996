"""Download a file over HTTP: streamed, resumed with Range requests, retried after transient errors."""

import json
import re
from http.cookiejar import CookieJar, LoadError, MozillaCookieJar
from pathlib import Path
from urllib.parse import urljoin

import httpx

from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.disk_space import require_free_space
from lcvd.download.fetch.network_guard import block_private_networks, check_address
from lcvd.download.fetch.rate_limit import HostLimiter
from lcvd.download.fetch.retry import REVIVE_HINT, BlockedError, TransientError, retry_after_seconds, with_retries
from lcvd.errors import MachineError
from lcvd.ledger.rows import ClipError

_MAX_REDIRECTS = 5
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_HTML_STARTS = (b"<!doctype html", b"<html")


def fetch(
    url: str, target: Path, settings: DownloadSettings, part: Path | None = None, limiter: HostLimiter | None = None
) -> None:
    """Download `url` to `target`.

    Bytes are written to `part` (next to `target` by default). It survives a failure; the next call resumes it if the
    server still has the same file. `limiter` enforces the host's limits across processes.

    Raises:
        ClipError: `dead` (404, 410 and other client errors), `blocked` (401, 403, 429, or a web page instead of the
            file), `private_address`, `too_large`, or `broken` after the last attempt (timeout, truncated body, 5xx).
        MachineError: the disk is too full, or the cookies file is unreadable.
    """
    part = part or target.with_name(f"{target.name}.part")
    cookies = read_cookies(settings)

    def attempt() -> None:
        try:
            with block_private_networks(url, settings.allow_private):
                _attempt(url, part, settings, cookies, limiter)
        except httpx.TransportError as error:
            raise TransientError(f"{type(error).__name__} {error}".strip()) from None

    with_retries(url, attempt, settings, limiter)
    part.replace(target)
    _resume_file(part).unlink(missing_ok=True)


def read_cookies(settings: DownloadSettings) -> CookieJar | None:
    """The user's cookies; each is sent to its own site only.

    Raises:
        MachineError: the file does not exist or is not in Netscape format.
    """
    if not settings.cookies:
        return None
    jar = MozillaCookieJar(Path(settings.cookies).expanduser())
    try:
        jar.load(ignore_discard=True, ignore_expires=True)
    except (OSError, LoadError) as error:
        raise MachineError(
            f"download.cookies: {error}; set a cookies.txt in Netscape format, or leave it empty"
        ) from None
    return jar


def _attempt(
    url: str, part: Path, settings: DownloadSettings, cookies: CookieJar | None, limiter: HostLimiter | None
) -> None:
    """One attempt: resume the partial file if the server can, otherwise start over."""
    received = part.stat().st_size if part.exists() else 0
    state = json.loads(_resume_file(part).read_text()) if received and _resume_file(part).exists() else {}
    # The validator ensures that the rest belongs to the same file.
    resume = {"Range": f"bytes={received}-", "If-Range": state["validator"]} if state.get("validator") else {}
    headers = {"Accept-Encoding": "identity", **resume}
    current_url = url
    with httpx.Client(timeout=settings.timeout_s, follow_redirects=False, cookies=cookies) as client:
        for _ in range(_MAX_REDIRECTS + 1):
            check_address(current_url, settings.allow_private)
            with client.stream("GET", current_url, headers=headers) as response:
                if response.has_redirect_location:
                    current_url = urljoin(current_url, response.headers["location"])
                    continue
                _check_status(url, response, part)
                _write_body(url, response, part, received, state, settings, limiter)
                return
    raise ClipError("dead", f"{url}: more than {_MAX_REDIRECTS} redirects; correct the address")


def _check_status(url: str, response: httpx.Response, part: Path) -> None:
    code = response.status_code
    pause = retry_after_seconds(response.headers.get("retry-after"))
    if code in (401, 403, 429):
        raise BlockedError(f"HTTP {code}, refused by the host", pause)
    if code == 416:
        part.unlink(missing_ok=True)
        raise TransientError("HTTP 416, the partial file does not match")
    if code >= 500 or code == 408:
        raise TransientError(f"HTTP {code}", pause)
    if code not in (200, 206):
        raise ClipError("dead", f"{url}: HTTP {code}; correct or remove the address{REVIVE_HINT}")


def _write_body(
    url: str, response: httpx.Response, part: Path, received: int, state: dict[str, str], settings: DownloadSettings,
    limiter: HostLimiter | None,
) -> None:  # fmt: skip
    """Write or append to the partial file, and check that it is complete."""
    total = _total_size(response, part, received, state)
    received = received if response.status_code == 206 else 0
    if total is not None and total > settings.max_bytes:
        raise too_large(url, f"{total} bytes", settings)
    require_free_space(part.parent, settings, (total or received) - received)
    with part.open("ab" if received else "wb") as stream:
        for chunk in response.iter_raw():  # chunks of a fixed size would lose the bytes before a disconnect
            if not received and chunk.lstrip()[:14].lower().startswith(_HTML_STARTS):
                raise BlockedError("received a web page instead of a file (a login or a bot check?)")
            received += len(chunk)
            if received > settings.max_bytes:
                stream.close()
                part.unlink()
                raise too_large(url, f"{received} bytes or more", settings)
            stream.write(chunk)
            stream.flush()
            if limiter:
                limiter.throttle(len(chunk))
    if total is not None and received < total:
        raise TransientError(f"truncated at {received} of {total} bytes")


def _total_size(response: httpx.Response, part: Path, received: int, state: dict[str, str]) -> int | None:
    """Size of the whole file if the server sends it; saves the state needed to resume."""
    if response.status_code == 206:
        match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
        if match is None or int(match[1]) != received or state.get("total", match[2]) != match[2]:
            part.unlink(missing_ok=True)
            raise TransientError("the server's range does not continue the partial file")
        return int(match[2])
    total = int(response.headers["content-length"]) if "content-length" in response.headers else None
    _resume_file(part).write_text(json.dumps(_resume_state_of(response, total)), encoding="utf-8")
    return total


def too_large(url: str, found: str, settings: DownloadSettings) -> ClipError:
    """The error for a download of the size `found`, which exceeds the limit in the settings."""
    message = f"{found}, more than download.max_bytes ({settings.max_bytes}); raise it to allow this"
    return ClipError("too_large", f"{url}: {message}")


def _resume_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _resume_state_of(response: httpx.Response, total: int | None) -> dict[str, str]:
    """Identifies a file on a server: its strong ETag or otherwise its date, and its size."""
    etag = response.headers.get("etag", "")
    validator = etag if etag and not etag.startswith("W/") else response.headers.get("last-modified", "")
    return {"validator": validator} | ({} if total is None else {"total": str(total)})
