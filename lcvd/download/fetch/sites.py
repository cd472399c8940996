"""Videos of sites, through yt-dlp as a library (extra ``lcvd[sites]``): one file, resumed, by no other program."""

from __future__ import annotations

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
from lcvd.download.fetch.disk_space import need_room
from lcvd.download.fetch.http import read_cookies
from lcvd.download.fetch.network_guard import check_address, guarded
from lcvd.download.fetch.rate_limit import Gate
from lcvd.download.fetch.retry import BACK, Blocked, Broken, asked_pause, try_again
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
_GONE = re.compile(
    r"unavailable|not available|no longer|removed|deleted|terminated|does(n't| not) exist|not found", re.I
)
_silent = logging.getLogger(f"{__name__}.yt_dlp")  # what it says is told in the ledger
_silent.setLevel(logging.CRITICAL)


@functools.cache
def is_site(url: str) -> bool:
    """Whether one of yt-dlp's extractors (but the one for any page) claims an address; False for what is named like a video
    file, and where yt-dlp isn't installed."""
    if urlsplit(url).path.rpartition(".")[2].lower() in _FILES:
        return False  # a worker that meets no site needn't load 1,800 extractors
    try:
        from yt_dlp.extractor import list_extractor_classes
    except ModuleNotFoundError:
        return False
    return any(each.suitable(url) for each in list_extractor_classes() if each.IE_NAME != "generic")


def fetch_site(url: str, target: Path, settings: DownloadSettings, folder: Path, gate: Gate | None = None) -> None:
    """Fetch the video of the page `url` into `target`.

    What has arrived waits in `folder` for the next try, by format, as a site may offer another one by then.

    Raises:
        ClipError: `dead` (private, removed, 404, 410), `blocked` (a check for bots, a login, 401, 403, 429, no video on
            the page), `private_address`, `too_large`, `bad_address` (several videos, a live stream) or `broken`.
        MachineError: yt-dlp isn't installed, the disk is too full, or the cookies file can't be read.
    """
    try:
        from yt_dlp import YoutubeDL
        from yt_dlp.utils import YoutubeDLError
    except ModuleNotFoundError:
        told = f"{url}: the page of a site needs yt-dlp: pip install 'lcvd[sites]'"
        raise MachineError(f"{told}, or take such rows out of data/sources") from None
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Path] = []

    def once() -> None:
        try:
            with guarded(url, settings.allow_private):
                check_address(url, settings.allow_private)
                with YoutubeDL(_options(url, settings, folder, gate)) as loader:
                    info = loader.extract_info(url, download=False)
                    _one_video(url, info)
                    info = loader.process_ie_result(info, download=True)
                    found.append(Path(info["requested_downloads"][0]["filepath"]))
        except YoutubeDLError as error:
            raise _judged(url, error) from None

    try_again(url, once, settings, gate)
    found[-1].replace(target)
    shutil.rmtree(folder)


def _options(url: str, settings: DownloadSettings, folder: Path, gate: Gate | None) -> dict[str, Any]:
    return {
        "format": settings.format,
        "outtmpl": {"default": str(folder / "%(format_id)s.%(ext)s")},
        "noplaylist": True,
        "socket_timeout": settings.timeout_s,
        "retries": 0,  # tries are counted here, not there
        "extractor_retries": 0,
        "fragment_retries": 0,
        "skip_unavailable_fragments": False,
        "concurrent_fragment_downloads": 1,  # `guarded` holds for this thread
        "hls_prefer_native": True,
        "ffmpeg_location": str(folder / "no-ffmpeg"),  # it would connect where it likes
        "fixup": "never",
        "cookiefile": _cookies(settings),
        "cachedir": False,
        "updatetime": False,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "logger": _silent,
        "progress_hooks": [_watch(url, settings, folder, gate)],
    }


def _cookies(settings: DownloadSettings) -> io.StringIO | None:
    """A copy: yt-dlp writes its cookies back, and several workers use the file."""
    if read_cookies(settings) is None:
        return None
    return io.StringIO(Path(settings.cookies).expanduser().read_text(encoding="utf-8"))


def _watch(url: str, settings: DownloadSettings, folder: Path, gate: Gate | None) -> Callable[[dict[str, Any]], None]:
    """Called for every piece that arrives: the host's rate, the disk, the largest size."""
    before = 0

    def piece(told: dict[str, Any]) -> None:
        nonlocal before
        have, total = told.get("downloaded_bytes") or 0, told.get("total_bytes") or 0
        if max(have, total) > settings.max_bytes:
            limit = f"download.max_bytes admits {settings.max_bytes}; raise it if that is meant"
            raise ClipError("too_large", f"{url}: {max(have, total)} bytes, {limit}")
        need_room(folder, settings, max(0, total - have))
        if gate and before:
            gate.spend(max(0, have - before))
        before = have

    return piece


def _one_video(url: str, info: dict[str, Any]) -> None:
    if info.get("_type", "video") != "video":
        raise ClipError("bad_address", f"{url}: holds several videos; name the page of one")
    if info.get("is_live"):
        raise ClipError("bad_address", f"{url}: a live stream; name a video that has ended")
    protocols = str(info.get("protocol", "")).split("+")
    if not all(protocol in _NATIVE for protocol in protocols):
        raise ClipError("bad_address", f"{url}: comes by {'+'.join(protocols)}; only http(s) is fetched")


def _judged(url: str, error: Exception) -> Exception:
    """What a failure of yt-dlp means: by the server's status where there is one, else by the site's message."""
    chain = list(_causes(error))
    told = _plain(str(getattr(chain[-1], "orig_msg", chain[-1])) or str(error), url)
    for cause in chain:
        if isinstance(cause, ClipError | MachineError):
            return cause
    status, pause = _status(chain)
    if status in (401, 403, 429):
        return Blocked(f"HTTP {status}, the site refuses", pause)
    if status in (404, 410):
        return ClipError("dead", f"{url}: HTTP {status}; correct or remove the address{BACK}")
    if _PRIVATE_VIDEO.search(told):
        return ClipError("dead", f"{url}: {told}; remove the address{BACK}")
    if _REFUSED.search(told):
        return Blocked(f"the site refuses ({told})", pause)
    if _GONE.search(told):
        return ClipError("dead", f"{url}: {told}; remove the address{BACK}")
    return Broken(told, pause)


def _status(chain: list[BaseException]) -> tuple[int, float]:
    """The server's status and the pause that it asks for; 0 where there was no answer."""
    from yt_dlp.networking.exceptions import HTTPError

    for cause in chain:
        if isinstance(cause, HTTPError):
            return cause.status, asked_pause(cause.response.headers.get("Retry-After"))
    return 0, 0.0


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error of yt-dlp and those inside it, which it keeps in several places."""
    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        each = todo.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            inner = getattr(each, "exc_info", None) or (None, None, None)
            todo += [inner[1], getattr(each, "cause", None), each.__cause__]


def _plain(message: str, url: str) -> str:
    """The first sentence of yt-dlp's message, without colours, extractor and address."""
    text = re.sub(r"\x1b\[[0-9;]*m|^ERROR: |^\[[^\]]*\] ([^ :]+: )?", "", message.partition("\n")[0])
    return text.partition("; please report")[0].replace(url, "it").strip()[:200]
