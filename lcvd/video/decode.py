"""Decode: frames of a clip in windows, by index, from memory; what a media file holds and whether all of it decodes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import decord
import numpy as np
from numpy.typing import NDArray

from lcvd.ledger.rows import ClipError
from lcvd.video.clip import Clip

Frames = NDArray[np.uint8]

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
_DEMUX = {"format_whitelist": ",".join(SUFFIX_OF), "protocol_whitelist": "file"}
_SHORT_BY = 0.5  # seconds by which a header without a frame count may exceed the video before we call it truncated
_NARROWEST = 50  # decord 0.6 refuses some widths up to 48 px ("size must exactly match")

decord.logging.set_level(decord.logging.QUIET)


@dataclass(frozen=True)
class Probe:
    """A media file that was decoded from its first frame to its last; sizes are after the file's own rotation."""

    frames: int
    fps: float
    width: int
    height: int
    suffix: str


def frames(clip: Clip, window: int = 64, stop: int | None = None) -> Iterator[Frames]:
    """Frames of `clip` in order, as arrays (n, H, W, 3) uint8 RGB with n <= `window`, cut to the clip's crop box.

    `stop` ends after so many frames of the clip; None reads all. One reader a call, so threads don't share one.

    Raises:
        ClipError: the file can't be opened, or a frame doesn't decode (`truncated`).
    """
    last = clip.stop if stop is None else min(clip.stop, clip.start + stop)
    reader = _open(clip.media)
    for first in range(clip.start, last, window):
        yield _crop(_batch(reader, range(first, min(first + window, last)), clip.media), clip)


def read(clip: Clip, indices: Sequence[int]) -> Frames:
    """Frames of `clip` at `indices`, counted from its start: (n, H, W, 3) uint8 RGB, cut to the crop box.

    Raises:
        IndexError: an index isn't within the clip.
        ClipError: as `frames`.
    """
    wrong = [index for index in indices if not 0 <= index < clip.frames]
    if wrong:
        raise IndexError(f"clip {clip.id}: frame {wrong[0]} asked for, it has {clip.frames}")
    return _crop(_batch(_open(clip.media), [clip.start + index for index in indices], clip.media), clip)


def decode_bytes(data: bytes, indices: Sequence[int] | None = None) -> Frames:
    """Frames of a media file in memory (a shard's sample): (n, H, W, 3) uint8 RGB; None decodes all."""
    reader = _open(io.BytesIO(data))
    return _batch(reader, range(len(reader)) if indices is None else indices, "media in memory")


def count_bytes(data: bytes) -> int:
    """Number of frames of a media file in memory."""
    return len(_open(io.BytesIO(data)))


def probe(path: Path, window: int = 64) -> Probe:
    """Decode the whole file window by window and tell what it holds.

    Raises:
        ClipError: `missing_file`, `empty_file`, `not_a_video`, `no_video_stream`, `too_small`, `truncated`,
            `unsupported_codec`.
    """
    suffix, expected = _demux(path)
    reader = _open(path)
    count = len(reader)
    if count < expected:
        raise ClipError("truncated", f"{path.name}: {count} of {expected} frames can be read; fetch the file again")
    height, width = 0, 0
    for first in range(0, count, window):
        height, width = _batch(reader, range(first, min(first + window, count)), path).shape[1:3]
    return Probe(count, float(reader.get_avg_fps()), int(width), int(height), suffix)


def _demux(path: Path) -> tuple[str, int]:
    """The extension for the container that was found, and the number of frames in it; every packet is read."""
    if not path.is_file():
        raise ClipError("missing_file", f"{path.name}: no such file; check the name in the source manifest")
    size = path.stat().st_size
    if size == 0:
        raise ClipError("empty_file", f"{path.name}: 0 bytes; fetch or export the file again")
    try:
        container = av.open(str(path), options=_DEMUX)
    except (av.error.FFmpegError, ValueError):
        raise _unreadable(path) from None
    with container:
        if not container.streams.video:
            kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "no"
            raise ClipError("no_video_stream", f"{path.name}: {container.format.name} with {kinds} streams, no video")
        stream = container.streams.video[0]
        if min(stream.width, stream.height) < _NARROWEST:
            size = f"{stream.width}x{stream.height} px"
            raise ClipError(
                "too_small", f"{path.name}: {size}; decord reads frames from {_NARROWEST} px, a face needs more"
            )
        found, end = 0, 0.0
        try:
            for packet in container.demux(stream):
                found += packet.size > 0 and not packet.is_corrupt
                if packet.pts is not None and packet.time_base is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        except av.error.FFmpegError as error:
            raise ClipError(
                "truncated", f"{path.name}: reading stops after {found} frames ({error.strerror})"
            ) from None
        if found < stream.frames:
            raise ClipError("truncated", f"{path.name}: {found} of {stream.frames} frames are there; fetch it again")
        promised = _seconds(stream)
        if end < promised - _SHORT_BY:
            raise ClipError("truncated", f"{path.name}: ends at {end:.2f} s, its header says {promised:.2f} s")
        if found == 0:
            raise ClipError("no_video_stream", f"{path.name}: its video stream holds no frame")
        return SUFFIX_OF[container.format.name], found


def _seconds(stream: av.VideoStream) -> float:
    """Where the header says the video ends: Matroska's tag of the stream, else nothing is promised (0)."""
    tag = stream.metadata.get("DURATION", "")
    try:
        hours, minutes, seconds = tag.split(":")
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


def _open(media: Path | BinaryIO) -> decord.VideoReader:
    source = str(media) if isinstance(media, Path) else media
    name = media.name if isinstance(media, Path) else "media in memory"
    if isinstance(media, Path) and not media.is_file():
        raise ClipError("missing_file", f"{name}: no such file; run `dvc repro download` again")
    try:
        return decord.VideoReader(source, num_threads=1)
    except (RuntimeError, decord.DECORDError):  # the message tells only the path
        detail = f"{name}: decord has no decoder for its video stream; re-encode it as H.264"
        raise ClipError("unsupported_codec", detail) from None


def _batch(reader: decord.VideoReader, indices: Sequence[int], media: Path | str) -> Frames:
    try:
        return reader.get_batch(list(indices)).asnumpy()
    except (RuntimeError, decord.DECORDError) as error:
        name = media if isinstance(media, str) else media.name
        where = f"frames {min(indices)} to {max(indices)} of {len(reader)}"
        raise ClipError("truncated", f"{name}: {where} don't decode ({_first(error)}); fetch it again") from None


def _crop(batch: Frames, clip: Clip) -> Frames:
    if clip.crop is None:
        return batch
    x0, y0, x1, y1 = clip.crop
    return np.ascontiguousarray(batch[:, y0:y1, x0:x1])


def _first(error: Exception) -> str:
    """The end of a decoder's first line: before it stand the time and a source path, which no ledger may hold."""
    return str(error).partition("\n")[0].rsplit(": ", 1)[-1][:120]
