"""Marks in the pixels of a video: a visible text, and an invisible watermark that a program detects.

The watermark is made by the package invisible-watermark (extra ``lcvd[mark]``) with its method dwtDctSvd: four bytes in the
chroma of every frame, which survive H.264 with the settings of `lcvd.video.encode`.
"""

import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lcvd.array import Array
from lcvd.errors import MissingPackage, UsageError
from lcvd.relighting.media import IMAGES, pixels_of
from lcvd.video.decode import batch, open_reader

MARKS = ("none", "visible", "invisible", "both")
WORDS, PAYLOAD, METHOD = "AI-generated", b"LCVD", "dwtDctSvd"
SMALLEST = 256
"""Side in pixels of the smallest square that can contain the watermark."""
SEARCHED_FRAMES = 16
"""Number of evenly spaced frames that are searched for the watermark."""
_HEIGHT, _MIN_HEIGHT = 1 / 18, 10  # of the text: fraction of the frame's shorter side, and pixels


def check_mark(mark: str, width: int, height: int) -> None:
    """Check that frames of that size can have the mark.

    Raises:
        UsageError: they are too small. MissingPackage: the package isn't installed.
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
    """Add `mark`, one of `MARKS`, to windows of frames (n, H, W, 3) uint8."""
    encoder = _encoder() if mark in ("invisible", "both") else None
    for window in windows:
        if encoder:
            bgr = (encoder.encode(np.ascontiguousarray(frame[..., ::-1]), METHOD) for frame in window)
            window = np.stack([frame[..., ::-1] for frame in bgr])
        yield with_words(window) if mark in ("visible", "both") else window


def with_words(frames: Array) -> Array:
    """Add `WORDS` to frames (n, H, W, 3) uint8 in the lower left corner, white with a dark outline."""
    height, width = frames.shape[1:3]
    text = _text_image(width, height)
    alpha = text[..., 3:] / np.float32(255)
    return np.rint(frames + alpha * (text[..., :3] - frames.astype(np.float32))).astype(np.uint8)


@functools.lru_cache(maxsize=4)
def _text_image(width: int, height: int) -> Array:
    """`WORDS` on a transparent image (H, W, 4) uint8."""
    image = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    pixels = max(_MIN_HEIGHT, round(min(width, height) * _HEIGHT))
    font, rim = ImageFont.load_default(pixels), max(1, round(pixels / 10))
    place = (0.02 * width + rim, 0.98 * height - rim)
    ImageDraw.Draw(image).text(
        place, WORDS, (255, 255, 255, 255), font, anchor="ls", stroke_width=rim, stroke_fill=(0, 0, 0, 255)
    )
    return np.asarray(image)


def found_in(path: Path) -> tuple[int, int]:
    """Detect the invisible mark in a video or image; returns the number of frames with the mark and of frames searched.

    Raises:
        MissingPackage: the package isn't installed. ClipError: the file is neither a video nor an image.
    """
    _need_package()
    from imwatermark import WatermarkDecoder

    decoder = WatermarkDecoder("bytes", 8 * len(PAYLOAD))
    found = searched = 0
    for frame in _searched(path):
        searched += 1
        if frame.shape[0] * frame.shape[1] >= SMALLEST**2:  # smaller frames can't contain it
            found += decoder.decode(np.ascontiguousarray(frame[..., ::-1]), METHOD) == PAYLOAD
    return found, searched


def _searched(path: Path) -> Iterator[Array]:
    """The image in `path`, or evenly spaced frames of the video."""
    if path.suffix.lower() in IMAGES:
        yield pixels_of(path)
        return
    reader = open_reader(path)
    for place in np.unique(np.linspace(0, len(reader) - 1, SEARCHED_FRAMES).round().astype(int)).tolist():
        yield batch(reader, [place], path)[0]


def _encoder() -> Any:
    from imwatermark import WatermarkEncoder

    encoder = WatermarkEncoder()
    encoder.set_watermark("bytes", PAYLOAD)
    return encoder


def _need_package() -> None:
    if importlib.util.find_spec("imwatermark") is None:
        raise MissingPackage("mark: invisible needs invisible-watermark: pip install 'lcvd[mark]', or use visible")
