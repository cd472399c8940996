"""What a media file holds, and whether all of it decodes: every packet is read, every frame decoded."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from lcvd.ledger.rows import ClipError
from lcvd.video.decode import batch, open_reader, window_of

SUFFIX_OF = {
    "mov,mp4,m4a,3gp,3g2,mj2": "mp4",
    "matroska,webm": "mkv",
    "avi": "avi",
    "mpegts": "ts",
    "mpeg": "mpg",
    "flv": "flv",
    "ogg": "ogv",
    "asf": "wmv",
}
"""Containers that are read, and the extension each is stored under. Playlists aren't: they can name other files."""
_ALLOWED = {"format_whitelist": ",".join(SUFFIX_OF), "protocol_whitelist": "file"}
_SHORT_BY = 0.5  # seconds by which a header without a frame count may exceed the video before we call it truncated
_LARGEST = 1 << 25  # pixels of a frame, a little more than 7680 x 4320; a few kilobytes can claim any size
_NARROWEST = 50  # decord 0.6 refuses some widths up to 48 px ("size must exactly match")


@dataclass(frozen=True)
class Probe:
    """A media file that was decoded from its first frame to its last; sizes are after the file's own rotation.

    `keys` are its key frames: (frame, seconds from the first frame).
    """

    frames: int
    fps: float
    width: int
    height: int
    suffix: str
    keys: tuple[tuple[int, float], ...] = ()


def probe(path: Path, window: int = 64) -> Probe:
    """Decode the whole file window by window and tell what it holds.

    Raises:
        ClipError: `missing_file`, `empty_file`, `not_a_video`, `no_video_stream`, `too_small`, `too_large`,
            `truncated`, `unsupported_codec`.
    """
    if not path.is_file():
        raise ClipError("missing_file", f"{path.name}: no such file; check the name in the source manifest")
    if path.stat().st_size == 0:
        raise ClipError("empty_file", f"{path.name}: 0 bytes; fetch or export the file again")
    try:
        container = av.open(str(path), "r", options=_ALLOWED)
    except (av.error.FFmpegError, ValueError):
        raise _unreadable(path) from None
    with container:
        suffix = SUFFIX_OF[container.format.name]
        expected, keys = _packets(container, path.name)
        stream = container.streams.video[0]
        window = window_of(stream.width, stream.height, window)
    reader = open_reader(path)
    count = len(reader)
    if count < expected:
        raise ClipError("truncated", f"{path.name}: {count} of {expected} frames can be read; fetch the file again")
    height, width = 0, 0
    for first in range(0, count, window):
        height, width = batch(reader, range(first, min(first + window, count)), path).shape[1:3]
    return Probe(count, float(reader.get_avg_fps()), int(width), int(height), suffix, keys)


def _packets(container: av.container.InputContainer, name: str) -> tuple[int, tuple[tuple[int, float], ...]]:
    """Number of whole frames in the container's video stream, compared with what its header promises; its key frames."""
    if not container.streams.video:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "no"
        raise ClipError("no_video_stream", f"{name}: {container.format.name} with {kinds} streams, no video")
    stream = container.streams.video[0]
    if min(stream.width, stream.height) < _NARROWEST:
        found = f"{stream.width}x{stream.height} px"
        raise ClipError("too_small", f"{name}: {found}; decord reads frames from {_NARROWEST} px, a face needs more")
    if stream.width * stream.height > _LARGEST:
        found = f"{stream.width}x{stream.height} px"
        raise ClipError("too_large", f"{name}: {found}; at most {_LARGEST} pixels a frame are read, scale it down")
    count, end = 0, 0.0
    times: list[tuple[Fraction, bool]] = []
    try:
        for packet in container.demux(stream):
            count += packet.size > 0 and not packet.is_corrupt
            if packet.pts is not None and packet.time_base is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                times.append((packet.pts * packet.time_base, packet.is_keyframe))
    except av.error.FFmpegError as error:
        raise ClipError("truncated", f"{name}: reading stops after {count} frames ({error.strerror})") from None
    if count < stream.frames:
        raise ClipError("truncated", f"{name}: {count} of {stream.frames} frames are there; fetch it again")
    promised = _promised(stream)
    if end < promised - _SHORT_BY:
        raise ClipError("truncated", f"{name}: ends at {end:.2f} s, its header says {promised:.2f} s; fetch it again")
    if count == 0:
        raise ClipError("no_video_stream", f"{name}: its video stream holds no frame")
    times.sort()
    return count, tuple((i, float(time - times[0][0])) for i, (time, is_key) in enumerate(times) if is_key)


def _promised(stream: av.VideoStream) -> float:
    """Where the header says that the video ends, in seconds: Matroska's tag of the stream, else 0, no promise."""
    try:
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return 0.0


def _unreadable(path: Path) -> ClipError:
    """Why no container reader accepts a file, from its first bytes."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    if head[4:8] == b"ftyp":
        return ClipError("truncated", f"{path.name}: an MP4 without its index, cut off or unfinished; fetch it again")
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return ClipError("not_a_video", f"{path.name}: a web page, not a video; does the address need a login?")
    try:
        head.decode("utf-8")
        found = "text"
    except UnicodeDecodeError:
        found = "no known video container"
    readable = ", ".join(sorted(SUFFIX_OF.values()))
    return ClipError("not_a_video", f"{path.name}: {found}; containers that can be read: {readable}")
