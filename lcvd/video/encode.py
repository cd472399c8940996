"""Encode frames as they come: H.264 for pictures, FFV1 for what must stay exact. Equal input, equal bytes."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.codec.context import Flags as CodecFlags
from av.container import Flags as ContainerFlags
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from lcvd.cache.atomic import written_whole
from lcvd.ledger.tally import timed

Frames = NDArray[np.uint8]
Options = dict[str, str]

_BT709, _LIMITED = 1, 1  # codes of H.273 and FFmpeg; tagged, so that every player turns YUV into the same RGB
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT


def write_h264(
    path: Path,
    windows: Iterable[Frames],
    fps: float,
    crf: int = 10,
    pix_fmt: str = "yuv444p",
    gop: int = 32,
    preset: str = "medium",
    tune: str | None = None,
) -> int:
    """Write windows (n, H, W, 3) uint8 RGB as H.264 in MP4 with the index in front; returns the number of frames.

    Colours are BT.709, limited range, tagged. With ``yuv420p``, which every browser plays, an odd width or height is
    made even by repeating the last column or row. One encoder thread: more would make the bytes depend on the machine.
    Every `gop`-th frame stands alone; `preset` and `tune` are x264's.

    Raises:
        ValueError: no frames, another shape or type than the first window's.
    """
    # x264's macroblock tree reads beyond small frames with AVX-512: equal frames then gave unequal bytes.
    exact = {"threads": "1", "x264-params": "mbtree=0"}
    options = {"crf": str(crf), "preset": preset, "g": str(gop), "keyint_min": str(gop), **exact}
    options |= {"tune": tune} if tune else {}
    pictures = (_yuv(frame, pix_fmt) for frame in _each(path, windows))
    flags = {"movflags": "+faststart"}
    with timed("encode"), written_whole(path) as target, av.open(str(target), "w", format="mp4", options=flags) as file:
        return _write(file, pictures, fps, "libx264", options)


def write_browser(path: Path, windows: Iterable[Frames], fps: float, crf: int = 18) -> int:
    """As `write_h264`, but ``yuv420p``: plays in every browser. For results that people look at."""
    return write_h264(path, windows, fps, crf, pix_fmt="yuv420p")


def write_lossless(path: Path, windows: Iterable[Frames], fps: float) -> int:
    """Write windows of grey (n, H, W) or RGB (n, H, W, 3) uint8 frames as FFV1 in Matroska; returns their number.

    Every frame is a key frame, so `read_lossless` decodes only those asked for.

    Raises:
        ValueError: as `write_h264`.
    """
    # Golomb-Rice codes: hints and masks decode three times as fast as with the range coder, and their black is smaller.
    options = {"level": "3", "coder": "0", "context": "0", "g": "1", "slicecrc": "1"}
    pictures = (_exact(frame) for frame in _each(path, windows))
    with timed("encode"), written_whole(path) as target, av.open(str(target), "w", format="matroska") as file:
        return _write(file, pictures, fps, "ffv1", options)


def read_lossless(media: Path | bytes, indices: Sequence[int] | None = None) -> Frames:
    """Frames written by `write_lossless`, exactly: (n, H, W) or (n, H, W, 3) uint8; `indices` None reads all.

    Raises:
        IndexError: an index that the file doesn't have.
    """
    source = io.BytesIO(media) if isinstance(media, bytes) else str(media)
    name = "media in memory" if isinstance(media, bytes) else media.name
    wanted = None if indices is None else set(indices)
    found: dict[int, Frames] = {}
    with av.open(source, "r") as file:
        stream = file.streams.video[0]
        stream.codec_context.thread_count = 1
        layout = "gray" if stream.codec_context.pix_fmt == "gray" else "rgb24"
        count = 0
        with timed("decode"):
            for packet in file.demux(stream):
                if packet.size == 0:
                    continue
                if wanted is None or count in wanted:
                    found[count] = cast(Frames, packet.decode()[0].to_ndarray(format=layout))
                count += 1
    order = range(count) if indices is None else indices
    missing = [index for index in order if index not in found]
    if missing:
        raise IndexError(f"{name}: frame {missing[0]} asked for, it has {count}")
    return np.stack([found[index] for index in order])


def _write(file: OutputContainer, frames: Iterator[av.VideoFrame], fps: float, codec: str, options: Options) -> int:
    """Encode `frames`, all of one size, into `file`; returns their number. No version, date or random id is written."""
    rate = Fraction(fps).limit_denominator(1001)
    first = next(frames)
    file.flags |= cast(int, ContainerFlags.bitexact.value)
    stream = cast(av.VideoStream, file.add_stream(codec, rate=rate, options=options))
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = first.width, first.height, first.format.name
    context.time_base = 1 / rate
    context.thread_count = 1
    context.flags |= CodecFlags.bitexact.value
    if codec == "libx264":
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
    count = 0
    for count, frame in enumerate(chain([first], frames), 1):
        frame.pts, frame.time_base = count - 1, 1 / rate
        file.mux(stream.encode(frame))
    file.mux(stream.encode())
    return count


def _yuv(frame: Frames, pix_fmt: str) -> av.VideoFrame:
    if pix_fmt == "yuv420p":
        frame = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")
    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    return rgb.reformat(
        format=pix_fmt,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=_EXACT,
        threads=1,
    )


def _exact(frame: Frames) -> av.VideoFrame:
    if frame.ndim == 2:
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="gray")
    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    return rgb.reformat(format="bgr0", interpolation=_EXACT, threads=1)


def _each(path: Path, windows: Iterable[Frames]) -> Iterator[Frames]:
    """Single frames of all windows, checked to be of one shape."""
    shape: tuple[int, ...] | None = None
    empty = True
    for window in windows:
        shape = shape or window.shape[1:]
        if (
            window.dtype != np.uint8
            or window.shape[1:] != shape
            or len(shape) not in (2, 3)
            or shape[2:] not in ((), (3,))
        ):
            raise ValueError(
                f"{path.name}: window of {window.dtype} {window.shape}; expected uint8 (n, H, W) or (n, H, W, 3) like "
                f"the first, whose frames are {shape}"
            )
        yield from window
        empty = empty and not len(window)
    if empty:
        raise ValueError(f"{path.name}: no frames to write")
