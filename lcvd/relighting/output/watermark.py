"""Marks in a video's own pixels: words that people see, and a watermark that a program finds again.

The watermark is that of the package invisible-watermark (extra ``lcvd[mark]``), its method dwtDctSvd: four bytes in the
chroma of every frame, which outlive H.264 as we write it.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lcvd.errors import MissingPackage, UsageError
from lcvd.relighting.media import IMAGES, pixels_of
from lcvd.video.decode import batch, open_reader

Array = NDArray[Any]
MARKS = ("none", "visible", "invisible", "both")
WORDS, PAYLOAD, METHOD = "AI-generated", b"LCVD", "dwtDctSvd"
SMALLEST = 256
"""Side, px, of the smallest square that takes the watermark."""
LOOKED_AT = 16
"""Frames that are searched for it, evenly spaced."""
_HEIGHT, _LEAST = 1 / 18, 10  # of the words: share of the frame's shorter side, and pixels


def check_mark(mark: str, width: int, height: int) -> None:
    """See that frames of that size can be marked so.

    Raises:
        UsageError: they are too small. ModuleNotFoundError: the package isn't installed.
    """
    if mark not in ("invisible", "both"):
        return
    if width * height < SMALLEST**2:
        raise UsageError(
            f"mark: frames of {width}x{height} px are too small for an invisible mark; set size to {SMALLEST} or more, "
            "or mark to visible"
        )
    _need_package()


def marked(windows: Iterator[Array], mark: str) -> Iterator[Array]:
    """The frames of windows (n, H, W, 3) uint8 with the mark, one of `MARKS`."""
    hide = _hider() if mark in ("invisible", "both") else None
    for window in windows:
        if hide:
            window = np.stack([hide(frame) for frame in window])
        yield with_words(window) if mark in ("visible", "both") else window


def with_words(frames: Array) -> Array:
    """Frames (n, H, W, 3) uint8 with `WORDS` in the lower left corner, white with a dark rim."""
    height, width = frames.shape[1:3]
    drawn = _words(width, height)
    alpha = drawn[..., 3:] / np.float32(255)
    return np.rint(frames + alpha * (drawn[..., :3] - frames.astype(np.float32))).astype(np.uint8)


@functools.lru_cache(maxsize=4)
def _words(width: int, height: int) -> Array:
    """The words on a clear ground (H, W, 4) uint8."""
    picture = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    pixels = max(_LEAST, round(min(width, height) * _HEIGHT))
    font, rim = ImageFont.load_default(pixels), max(1, round(pixels / 10))
    place = (0.02 * width + rim, 0.98 * height - rim)
    ImageDraw.Draw(picture).text(
        place, WORDS, (255, 255, 255, 255), font, anchor="ls", stroke_width=rim, stroke_fill=(0, 0, 0, 255)
    )
    return np.asarray(picture)


def found_in(path: Path) -> tuple[int, int]:
    """In how many frames of a video, or the one of a picture, the invisible mark is found, and how many were looked at.

    Raises:
        ModuleNotFoundError: the package isn't installed. ClipError: it is neither.
    """
    _need_package()
    from imwatermark import WatermarkDecoder

    decoder = WatermarkDecoder("bytes", 8 * len(PAYLOAD))
    found = looked = 0
    for frame in _looked_at(path):
        looked += 1
        if frame.shape[0] * frame.shape[1] >= SMALLEST**2:  # smaller ones can't have it
            found += decoder.decode(np.ascontiguousarray(frame[..., ::-1]), METHOD) == PAYLOAD
    return found, looked


def _looked_at(path: Path) -> Iterator[Array]:
    """The picture in `path`, or frames of the video."""
    if path.suffix.lower() in IMAGES:
        yield pixels_of(path)
        return
    reader = open_reader(path)
    for place in np.unique(np.linspace(0, len(reader) - 1, LOOKED_AT).round().astype(int)).tolist():
        yield batch(reader, [place], path)[0]


def _hider() -> Any:
    from imwatermark import WatermarkEncoder

    encoder = WatermarkEncoder()
    encoder.set_watermark("bytes", PAYLOAD)

    def hide(frame: Array) -> Array:
        return np.asarray(encoder.encode(np.ascontiguousarray(frame[..., ::-1]), METHOD)[..., ::-1])

    return hide


def _need_package() -> None:
    if importlib.util.find_spec("imwatermark") is None:
        raise MissingPackage("mark: invisible needs invisible-watermark: pip install 'lcvd[mark]', or use visible")
