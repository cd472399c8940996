"""Download videos from sites with yt-dlp as a library (extra ``lcvd[sites]``): a single resumable file, no external
program."""

import functools
import io
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lcvd.config.download import DownloadSettings
from lcvd.download.fetch.disk_space import require_free_space
from lcvd.download.fetch.http import read_cookies, too_large
from lcvd.download.fetch.network_guard import block_private_networks, check_address
from lcvd.download.fetch.rate_limit import HostLimiter
from lcvd.download.fetch.retry import REVIVE_HINT, BlockedError, TransientError, retry_after_seconds, with_retries
from lcvd.errors import MachineError
from lcvd.ledger.rows import ClipError
from lcvd.video.probe import SUFFIX_OF

_FILES = ("mov", "webm", "m4v", *SUFFIX_OF.values())
_NATIVE = ("http", "https", "m3u8_native", "http_dash_segments", "http_dash_segments_generator")
_PRIVATE_VIDEO = re.compile(r"private video|video is private", re.I)
_REFUSED = re.compile(
    r"not a (ro)?bot|captcha|unusual traffic|too many requests|rate.?limit|sign.?in|log.?in|members|cookies|confirm your age"
    r"|join this channel|in your (country|location)|geo.?restrict|anti-bot|forbidden|unsupported url",
    re.I,
)
_REMOVED = re.compile(
    r"unavailable|not available|no longer|removed|deleted|terminated|does(n't| not) exist|not found", re.I
)
_silent_log = logging.getLogger(f"{__name__}.yt_dlp")  # its messages are recorded in the ledger
_silent_log.setLevel(logging.CRITICAL)


@functools.cache
def is_site(url: str) -> bool:
    """Whether one of yt-dlp's site-specific extractors handles an address. False for names of video files, and if
    yt-dlp is not installed."""
    if urlsplit(url).path.rpartition(".")[2].lower() in _FILES:
        return False  # avoids loading 1,800 extractors if no site is used
    try:
        from yt_dlp.extractor import list_extractor_classes
    except ModuleNotFoundError:
        return False
    return any(each.suitable(url) for each in list_extractor_classes() if each.IE_NAME != "generic")


def fetch_site(
    url: str, target: Path, settings: DownloadSettings, folder: Path, limiter: HostLimiter | None = None
) -> None:
    """Download the video on page `url` to `target`.

    Partial data is kept in `folder`, by format, because a site may offer another format on the next attempt.

    Raises:
        ClipError: `dead` (private, removed, 404, 410), `blocked` (bot check, login, 401, 403, 429, no video on the
            page), `private_address`, `too_large`, `bad_address` (several videos, a live stream) or `broken`.
        MachineError: yt-dlp is not installed, the disk is too full, or the cookies file is unreadable.
    """
    try:
        from yt_dlp import YoutubeDL
        from yt_dlp.utils import YoutubeDLError
    except ModuleNotFoundError:
        message = f"{url}: video pages need yt-dlp: pip install 'lcvd[sites]'"
        raise MachineError(f"{message}, or remove such rows from data/sources") from None
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Path] = []

    def attempt() -> None:
        try:
            with block_private_networks(url, settings.allow_private):
                check_address(url, settings.allow_private)
                with YoutubeDL(_options(url, settings, folder, limiter)) as downloader:
                    info = downloader.extract_info(url, download=False)
                    _require_single_video(url, info)
                    info = downloader.process_ie_result(info, download=True)
                    found.append(Path(info["requested_downloads"][0]["filepath"]))
        except YoutubeDLError as error:
            raise _classify(url, error) from None

    with_retries(url, attempt, settings, limiter)
    found[-1].replace(target)
    shutil.rmtree(folder)


def _options(url: str, settings: DownloadSettings, folder: Path, limiter: HostLimiter | None) -> dict[str, Any]:
    return {
        "format": settings.format,
        "outtmpl": {"default": str(folder / "%(format_id)s.%(ext)s")},
        "noplaylist": True,
        "socket_timeout": settings.timeout_s,
        "retries": 0,  # retries are counted here, not in yt-dlp
        "extractor_retries": 0,
        "fragment_retries": 0,
        "skip_unavailable_fragments": False,
        "concurrent_fragment_downloads": 1,  # `block_private_networks` applies to this thread only
        "hls_prefer_native": True,
        "ffmpeg_location": str(folder / "no-ffmpeg"),  # disables FFmpeg, whose connections cannot be checked
        "fixup": "never",
        "cookiefile": _cookies(settings),
        "cachedir": False,
        "updatetime": False,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "logger": _silent_log,
        "progress_hooks": [_progress_hook(url, settings, folder, limiter)],
    }


def _cookies(settings: DownloadSettings) -> io.StringIO | None:
    """A copy of the cookies file: yt-dlp writes cookies back, and several workers share the file."""
    if read_cookies(settings) is None:
        return None
    return io.StringIO(Path(settings.cookies).expanduser().read_text(encoding="utf-8"))


def _progress_hook(
    url: str, settings: DownloadSettings, folder: Path, limiter: HostLimiter | None
) -> Callable[[dict[str, Any]], None]:
    """Hook for each received chunk: enforces rate, free disk space and maximum size."""
    previous = 0

    def hook(status: dict[str, Any]) -> None:
        nonlocal previous
        received, total = status.get("downloaded_bytes") or 0, status.get("total_bytes") or 0
        if max(received, total) > settings.max_bytes:
            raise too_large(url, f"{max(received, total)} bytes", settings)
        require_free_space(folder, settings, max(0, total - received))
        if limiter and previous:
            limiter.throttle(max(0, received - previous))
        previous = received

    return hook


def _require_single_video(url: str, info: dict[str, Any]) -> None:
    if info.get("_type", "video") != "video":
        raise ClipError("bad_address", f"{url}: the page has several videos; use the page of one video")
    if info.get("is_live"):
        raise ClipError("bad_address", f"{url}: a live stream; use a finished video")
    protocols = str(info.get("protocol", "")).split("+")
    if not all(protocol in _NATIVE for protocol in protocols):
        raise ClipError("bad_address", f"{url}: needs protocol {'+'.join(protocols)}; only http(s) is supported")


def _classify(url: str, error: Exception) -> Exception:
    """Classify a yt-dlp failure by the server's status if there is one, otherwise by the site's message."""
    chain = list(_nested_errors(error))
    message = _short_message(str(getattr(chain[-1], "orig_msg", chain[-1])) or str(error), url)
    for cause in chain:
        if isinstance(cause, ClipError | MachineError):
            return cause
    status, pause = _status(chain)
    if status in (401, 403, 429):
        return BlockedError(f"HTTP {status}, refused by the site", pause)
    if status in (404, 410):
        return ClipError("dead", f"{url}: HTTP {status}; correct or remove the address{REVIVE_HINT}")
    if _PRIVATE_VIDEO.search(message):
        return ClipError("dead", f"{url}: {message}; remove the address{REVIVE_HINT}")
    if _REFUSED.search(message):
        return BlockedError(f"refused by the site ({message})", pause)
    if _REMOVED.search(message):
        return ClipError("dead", f"{url}: {message}; remove the address{REVIVE_HINT}")
    return TransientError(message, pause)


def _status(chain: list[BaseException]) -> tuple[int, float]:
    """Status of the server's response and the requested pause in seconds; both 0 without a response."""
    from yt_dlp.networking.exceptions import HTTPError

    for cause in chain:
        if isinstance(cause, HTTPError):
            return cause.status, retry_after_seconds(cause.response.headers.get("Retry-After"))
    return 0, 0.0


def _nested_errors(error: BaseException) -> Iterator[BaseException]:
    """A yt-dlp error and the errors nested in it, which are stored in several attributes."""
    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        each = todo.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            inner = getattr(each, "exc_info", None) or (None, None, None)
            todo += [inner[1], getattr(each, "cause", None), each.__cause__]


def _short_message(message: str, url: str) -> str:
    """First sentence of yt-dlp's message, without colour codes, extractor and address."""
    text = re.sub(r"\x1b\[[0-9;]*m|^ERROR: |^\[[^\]]*\] ([^ :]+: )?", "", message.partition("\n")[0])
    return text.partition("; please report")[0].replace(url, "it").strip()[:200]
