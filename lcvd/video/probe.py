"""Probe a media file by reading every packet and decoding every frame."""

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
"""Supported containers and the suffix for storing them. Playlists are not supported, because they can name other files."""
_ALLOWED = {"format_whitelist": ",".join(SUFFIX_OF), "protocol_whitelist": "file"}
_SHORT_BY = 0.5  # seconds that the duration in a header may exceed that of the video before it counts as truncated
_MAX_PIXELS = 1 << 25  # of a frame, slightly more than 7680 x 4320; a file of a few kilobytes can claim any size
_MIN_SIDE = 50  # decord 0.6 refuses some widths up to 48 px ("size must exactly match")


@dataclass(frozen=True)
class Probe:
    """A completely decoded media file; sizes are after the file's own rotation.

    `keys` are its key frames: (frame, seconds from the first frame).
    """

    frames: int
    fps: float
    width: int
    height: int
    suffix: str
    keys: tuple[tuple[int, float], ...] = ()


def probe(path: Path, window: int = 64) -> Probe:
    """Decode the whole file in windows and return its properties.

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
    """Count the complete frames of the video stream and list its key frames. Checks them against the header."""
    if not container.streams.video:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "no"
        raise ClipError("no_video_stream", f"{name}: {container.format.name} with {kinds} streams, but no video")
    stream = container.streams.video[0]
    size = f"{stream.width}x{stream.height} px"
    if min(stream.width, stream.height) < _MIN_SIDE:
        raise ClipError("too_small", f"{name}: {size}; decord reads frames from {_MIN_SIDE} px, a face needs more")
    if stream.width * stream.height > _MAX_PIXELS:
        raise ClipError("too_large", f"{name}: {size}; the limit is {_MAX_PIXELS} pixels per frame, scale it down")
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
        raise ClipError("truncated", f"{name}: only {count} of {stream.frames} frames; fetch it again")
    expected = _duration_tag(stream)
    if end < expected - _SHORT_BY:
        raise ClipError("truncated", f"{name}: ends at {end:.2f} s instead of {expected:.2f} s; fetch it again")
    if count == 0:
        raise ClipError("no_video_stream", f"{name}: its video stream has no frame")
    times.sort()
    return count, tuple((i, float(time - times[0][0])) for i, (time, is_key) in enumerate(times) if is_key)


def _duration_tag(stream: av.VideoStream) -> float:
    """Duration in seconds from Matroska's tag of the stream; 0 without a tag."""
    try:
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return 0.0


def _unreadable(path: Path) -> ClipError:
    """Explain from its first bytes why a file can't be opened."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    if head[4:8] == b"ftyp":
        return ClipError("truncated", f"{path.name}: an MP4 without an index, truncated or unfinished; fetch it again")
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return ClipError("not_a_video", f"{path.name}: a web page, not a video; the address may need a login")
    try:
        head.decode("utf-8")
        found = "text"
    except UnicodeDecodeError:
        found = "no known video container"
    readable = ", ".join(sorted(SUFFIX_OF.values()))
    return ClipError("not_a_video", f"{path.name}: {found}; supported containers: {readable}")
