"""Encode streams of frames: H.264 for images, FFV1 for lossless data. Equal inputs give equal bytes."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.codec.context import Flags as CodecFlags
from av.container import Flags as ContainerFlags
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from lcvd.cache.atomic import written_whole
from lcvd.ledger.tally import timed

Frames = NDArray[np.uint8]

_BT709, _LIMITED = 1, 1  # codes of H.273 and FFmpeg; these tags make every player convert YUV to the same RGB
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT


def write_h264(
    path: Path,
    windows: Iterable[Frames],
    fps: float,
    crf: int = 10,
    pix_fmt: str = "yuv444p",
    gop: int = 32,
    tune: str | None = None,
) -> int:
    """Write windows (n, H, W, 3) uint8 RGB as H.264 in MP4 with the index in front; returns the number of frames.

    Colours are tagged as BT.709, limited range. With ``yuv420p``, which every browser plays, an odd width or height is
    made even by repeating the last column or row. The encoder has one thread, because with more the bytes would depend on the
    machine. Every `gop`-th frame is a key frame; `tune` is an option of x264.

    Raises:
        ValueError: no frames, or a window with another shape or type than the first one.
    """
    # With AVX-512, x264's macroblock tree reads beyond small frames, so that equal frames gave different bytes.
    exact = {"threads": "1", "x264-params": "mbtree=0"}
    options = {"crf": str(crf), "preset": "medium", "g": str(gop), "keyint_min": str(gop), **exact}
    options |= {"tune": tune} if tune else {}
    return _write(path, windows, fps, "libx264", options, pix_fmt)


def write_browser(path: Path, windows: Iterable[Frames], fps: float) -> int:
    """`write_h264` with settings for viewing: ``yuv420p``, which plays in every browser, and crf 18."""
    return write_h264(path, windows, fps, crf=18, pix_fmt="yuv420p")


def write_lossless(path: Path, windows: Iterable[Frames], fps: float) -> int:
    """Write windows of grey (n, H, W) or RGB (n, H, W, 3) uint8 frames as FFV1 in Matroska; returns their number.

    Every frame is a key frame, so `read_lossless` decodes only the requested ones.

    Raises:
        ValueError: as `write_h264`.
    """
    # With Golomb-Rice codes, hints and masks decode three times as fast as with the range coder, and black is smaller.
    options = {"level": "3", "coder": "0", "context": "0", "g": "1", "slicecrc": "1"}
    return _write(path, windows, fps, "ffv1", options, "bgr0")


def read_lossless(media: Path | bytes, indices: Sequence[int] | None = None) -> Frames:
    """Read frames written by `write_lossless`: (n, H, W) or (n, H, W, 3) uint8; `indices` None: all.

    Raises:
        IndexError: a frame doesn't exist.
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
            for count, packet in enumerate((packet for packet in file.demux(stream) if packet.size), 1):
                if wanted is None or count - 1 in wanted:
                    found[count - 1] = cast(Frames, packet.decode()[0].to_ndarray(format=layout))
    order = range(count) if indices is None else indices
    missing = [index for index in order if index not in found]
    if missing:
        raise IndexError(f"{name}: frame {missing[0]} doesn't exist, it has {count} frames")
    return np.stack([found[index] for index in order])


def _write(
    path: Path, windows: Iterable[Frames], fps: float, codec: str, options: Mapping[str, str], pix_fmt: str
) -> int:
    """Encode frames of equal size without version, date or random id; returns their number."""
    rate = Fraction(fps).limit_denominator(1001)
    container, flags = ("mp4", {"movflags": "+faststart"}) if codec == "libx264" else ("matroska", {})
    frames = (_video_frame(frame, pix_fmt) for frame in _checked(path, windows))
    with timed("encode"), written_whole(path) as target, av.open(str(target), "w", container, options=flags) as file:
        first = next(frames, None)
        if first is None:
            raise ValueError(f"{path.name}: no frames to write")
        file.flags |= cast(int, ContainerFlags.bitexact.value)
        stream = cast(av.VideoStream, file.add_stream(codec, rate=rate, options=dict(options)))
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


def _video_frame(frame: Frames, pix_fmt: str) -> av.VideoFrame:
    """Convert a grey (H, W) or RGB (H, W, 3) frame; grey stays grey."""
    if frame.ndim == 2 and pix_fmt == "bgr0":
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="gray")
    if pix_fmt == "yuv420p":
        frame = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")
    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    if pix_fmt == "bgr0":
        return rgb.reformat(format=pix_fmt, interpolation=_EXACT)
    colours = {"dst_colorspace": Colorspace.ITU709, "dst_color_range": ColorRange.MPEG}
    return rgb.reformat(format=pix_fmt, interpolation=_EXACT, threads=1, **colours)


def _checked(path: Path, windows: Iterable[Frames]) -> Iterator[Frames]:
    """Iterate over the frames of all windows; checks that they have one shape."""
    shape: tuple[int, ...] | None = None
    for window in windows:
        shape = shape or window.shape[1:]
        if (
            window.dtype != np.uint8
            or window.shape[1:] != shape
            or len(shape) not in (2, 3)
            or shape[2:] not in ((), (3,))
        ):
            raise ValueError(
                f"{path.name}: window of {window.dtype} {window.shape}; expected uint8 (n, H, W) or (n, H, W, 3) with frames "
                f"{shape} as in the first window"
            )
        yield from window
