"""Decode videos with decord: frames of a clip in windows or by index, and of media files in memory."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import av
import cv2  # noqa: F401  must be imported before decord: otherwise OpenCV gets decord's old zlib and cannot read PNG
import decord
import numpy as np
from numpy.typing import NDArray

from lcvd.ledger.rows import ClipError
from lcvd.ledger.tally import count_frames, timed
from lcvd.video.clip import Clip

Frames = NDArray[np.uint8]
HELD_BYTES = 1 << 28
"""Maximum size of a window of decoded frames: 43 frames of 1920 x 1080, 10 of 3840 x 2160."""

decord.logging.set_level(decord.logging.QUIET)


def frames(clip: Clip, window: int = 64, stop: int | None = None) -> Iterator[Frames]:
    """Iterate over the cropped frames of `clip`, as arrays (n, H, W, 3) uint8 RGB.

    n is `window`, or less for large frames (`HELD_BYTES`). `stop`: maximum number of frames. Each call opens its own reader,
    so it can be used in several threads.

    Raises:
        ClipError: the file can't be opened, or a frame can't be decoded (`truncated`).
    """
    last = clip.stop if stop is None else min(clip.stop, clip.start + stop)
    reader = open_reader(clip.media)
    with av.open(str(clip.media), "r") as container:
        stream = container.streams.video[0]  # its size is that before any rotation
        window = window_of(stream.width, stream.height, window)
    for first in range(clip.start, last, window):
        yield _crop(batch(reader, range(first, min(first + window, last)), clip.media), clip)


def window_of(width: int, height: int, window: int) -> int:
    """Number of frames of a window: at most `window`, at most `HELD_BYTES` in total, at least one."""
    return max(1, min(window, HELD_BYTES // (3 * width * height)))


def read(clip: Clip, indices: Sequence[int]) -> Frames:
    """The cropped frames of `clip` at `indices`, relative to its start: (n, H, W, 3) uint8 RGB.

    Raises:
        IndexError: an index is outside of the clip.
        ClipError: as `frames`.
    """
    wrong = [index for index in indices if not 0 <= index < clip.frames]
    if wrong:
        raise IndexError(f"clip {clip.id}: frame {wrong[0]} doesn't exist, it has {clip.frames} frames")
    return _crop(batch(open_reader(clip.media), [clip.start + index for index in indices], clip.media), clip)


def decode_bytes(data: bytes, indices: Sequence[int] | None = None) -> Frames:
    """Frames of a media file in memory (a shard's sample): (n, H, W, 3) uint8 RGB; `indices` None: all."""
    reader = open_reader(io.BytesIO(data))
    return batch(reader, range(len(reader)) if indices is None else indices, "media in memory")


def windows_of_bytes(data: bytes, wanted: range, window: int) -> Iterator[Frames]:
    """Iterate over the frames `wanted` of a media file in memory, as arrays (n, H, W, 3) uint8 RGB with n <= `window`."""
    reader = open_reader(io.BytesIO(data))
    for first in range(0, len(wanted), window):
        yield batch(reader, wanted[first : first + window], "media in memory")


def count_bytes(data: bytes) -> int:
    """Number of frames of a media file in memory."""
    return len(open_reader(io.BytesIO(data)))


def open_reader(media: Path | BinaryIO) -> decord.VideoReader:
    """Open a decord reader with one thread; a reader must not be shared between threads.

    Raises:
        ClipError: `missing_file`, `unsupported_codec`.
    """
    source = str(media) if isinstance(media, Path) else media
    name = media.name if isinstance(media, Path) else "media in memory"
    if isinstance(media, Path) and not media.is_file():
        raise ClipError("missing_file", f"{name}: no such file; run `dvc repro download` again")
    try:
        with timed("decode"):
            return decord.VideoReader(source, num_threads=1)
    except (RuntimeError, decord.DECORDError):  # the message contains only the path
        detail = f"{name}: decord has no decoder for its video stream; re-encode it as H.264"
        raise ClipError("unsupported_codec", detail) from None


def batch(reader: decord.VideoReader, indices: Sequence[int], media: Path | str) -> Frames:
    """Frames at `indices` of an open reader: (n, H, W, 3) uint8 RGB; `media` is its name in errors.

    Raises:
        ClipError: `truncated`.
    """
    try:
        count_frames(len(indices))
        with timed("decode"):
            return reader.get_batch(list(indices)).asnumpy()
    except (RuntimeError, decord.DECORDError) as error:
        name = media if isinstance(media, str) else media.name
        where = f"frames {min(indices)} to {max(indices)} of {len(reader)}"
        # Only the end of the first line: it starts with the time and a path, which ledgers must not contain.
        reason = str(error).partition("\n")[0].rsplit(": ", 1)[-1][:120]
        raise ClipError("truncated", f"{name}: {where} can't be decoded ({reason}); fetch it again") from None


def _crop(batch: Frames, clip: Clip) -> Frames:
    if clip.crop is None:
        return batch
    x0, y0, x1, y1 = clip.crop
    return np.ascontiguousarray(batch[:, y0:y1, x0:x1])
